#!/bin/sh
# Returns the pairs that it is given.
# **
# handler_type: mapper
# required_capability: none
exec cat
