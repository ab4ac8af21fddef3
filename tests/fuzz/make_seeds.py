#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the seeds of tests/fuzz/corpus: one file an input, next to what fuzzers have found.

Usage: tests/fuzz/make_seeds.py
"""
import pathlib

import seeds_files
import seeds_wire

CORPUS = pathlib.Path(__file__).parent / "corpus"

for target, seeds in (seeds_wire.SEEDS | seeds_files.SEEDS).items():
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)
