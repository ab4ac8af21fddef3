/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/alert/test_webhook.c - what a receiver answers */
#include "unit/unit.h"

#include "alert/private.h"

static void the_status_of_an_answer_is_its_first_that_is_final(void **state)
{
    /* clang-format off */
    static const struct {
        const char *answer;
        bool is_http;
        unsigned status; /* 0: more has to come */
    } cases[] = {
        {"HTTP/1.1 204 No Content\r\n\r\n",                           true,  204},
        {"HTTP/1.0 500\r\nX: y\r\n\r\nrest",                          true,  500},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",      true,  200},
        {"HTTP/1.1 100 Continue\r\n\r\n",                             true,  0},
        {"HTTP/1.1 200 OK\r\nX: y\r\n",                               true,  0},
        {"HTTP/1.1 -20 OK\r\n\r\n",                                   false, 0},
        {"HTTP/1.1  200 OK\r\n\r\n",                                  false, 0},
        {"HTTP/1.1 2000 OK\r\n\r\n",                                  false, 0},
        {"HTTP/1.1 099 OK\r\n\r\n",                                   false, 0},
        {"HTTP/1.\r\n\r\n",                                           false, 0},
        {"220 mail.example ESMTP\r\n\r\n",                            false, 0},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf in = {0};
        struct buf why = {0};
        unsigned status = 0;

        buf_add(&in, bytes_str(cases[i].answer));
        if (webhook_take_status(&in, &status, &why) != cases[i].is_http)
            fail_msg("%s", cases[i].answer);
        assert_int_equal(why.len == 0, cases[i].is_http);
        assert_int_equal(status, cases[i].status);
        buf_done(&in);
        buf_done(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_status_of_an_answer_is_its_first_that_is_final),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
