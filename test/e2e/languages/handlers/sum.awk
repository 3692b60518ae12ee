# Adds up the values of each key.
# **
# handler_type: reducer
# required_capability: none
BEGIN { FS = OFS = "\t" }
NR > 1 && $1 != key { print key, sum; sum = 0 }
{ key = $1; sum += $2 }
END { if (NR > 0) print key, sum }
