#!/usr/bin/awk -f
# Returns the pairs that it is given.
# **
# handler_type: mapper
# required_capability: none
{ print }
