/* SPDX-License-Identifier: Apache-2.0 */
/* identify/tally.h - counted facts: tally.c and tally_flows.c count, facts.c turns into values */
#pragma once

#include "identify/private.h"

/* The catalogue's windows. */
#define SEEN_DAYS   30 /* what was seen since is what there is */
#define STANDS_DAYS 90 /* for so long counts what was found or shown once */
#define SILENT_DAYS 3  /* for so long nothing may come from what is critical */
#define MOVING_DAYS 7  /* for so long a device may be elsewhere than declared */

struct tally {
    uint64_t n;  /* what is counted */
    uint64_t of; /* what was looked at */
};

typedef struct tally tally_fn(const struct identify *id, uint64_t now);

bool record_is_approved(const struct record *r);
bool record_is_in_service(const struct record *r);
bool is_text(const char *text);
bool is_within_days(uint64_t then, uint64_t now, unsigned days);

bool asset_was_here(const struct asset *a, uint64_t now);

tally_fn tally_deprecated_share;
tally_fn tally_expired_contract_connected;
tally_fn tally_fw_known_ratio;
tally_fn tally_single_path_critical;
tally_fn tally_suite_in_policy_ratio;
tally_fn tally_approved_device_ratio;
tally_fn tally_record_complete_ratio;
tally_fn tally_stale_record_ratio;
tally_fn tally_mapped_peer_ratio;
tally_fn tally_external_peer_declared_ratio;
tally_fn tally_state_known_ratio;
tally_fn tally_retired_connect_count;
tally_fn tally_eol_without_plan_count;
tally_fn tally_slo_defined_ratio;
tally_fn tally_external_peer_contract_ratio;
tally_fn tally_external_conduit_protected_ratio;
tally_fn tally_conduit_route_known_ratio;
tally_fn tally_broker_site_known_ratio;
tally_fn tally_declared_flow_ratio;
tally_fn tally_undeclared_cross_zone_edges;
tally_fn tally_internal_flow_declared_ratio;
tally_fn tally_classified_topic_ratio;
tally_fn tally_location_known_ratio;
tally_fn tally_inspection_on_time_ratio; /* inspect.c */
tally_fn tally_source_zone_mismatch;
tally_fn tally_shared_identity_count;
tally_fn tally_sensitive_reader_ok_ratio;
tally_fn tally_hw_protected_ratio;
tally_fn tally_concurrent_use_count;
tally_fn tally_shared_keys; /* tally_keys.c */
tally_fn tally_individual_keys;
bool certificate_life_days(const struct asset *a, double *ret_days);
tally_fn tally_expected_monitored_ratio;
tally_fn tally_silent_critical_count;
tally_fn tally_role_known_ratio;
tally_fn tally_auto_renew_ratio;
