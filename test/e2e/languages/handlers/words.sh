#!/bin/sh
# Splits texts into words, keeps the texts in a file, and says how far it is.
# **
# handler_type: mapper
# required_capability: none
# environment: { SEPARATOR: " " }
set -e
tee texts | cut -f2 | tr -s "$SEPARATOR" '\n' | awk '{ print $1 "\t1" }'
jobx-ctx status "split $(wc -l < texts) texts"
jobx-ctx publish texts "out/$JOBX_REQUEST.txt"
