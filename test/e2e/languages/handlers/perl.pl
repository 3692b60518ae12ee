#!/usr/bin/perl
# Adds up the values of each key; speaks frames.
# **
# handler_type: reducer
# required_capability: none
# protocol: frames
use strict;
use warnings;
use JSON::PP;

open(my $in,  '<&=', 3) or die $!;
open(my $out, '>&=', 4) or die $!;
binmode $_ for $in, $out;
my $json = JSON::PP->new->utf8;

sub read_frame {
    my ($head, $body);
    exit 0 if (read($in, $head, 4) // 0) < 4;    # The node is gone.
    my $length = unpack('N', $head);
    exit 0 if (read($in, $body, $length) // 0) < $length;
    return $json->decode($body);
}

sub write_frame {
    my $body = $json->encode(shift);
    print {$out} pack('N', length $body), $body;
}

sub flush { $out->flush }

my ($call, $key, $sum, $open) = (0, undef, 0, 0);
while (1) {
    my $frame = read_frame();
    if (ref $frame eq 'ARRAY') {
        my @sums;
        for my $record (@$frame) {
            my ($name, $values, $more) = @$record;
            $sum = 0 unless $open;
            $sum += $_ for @$values;
            $open = $more ? 1 : 0;
            push @sums, [$name, $sum] unless $open;
        }
        write_frame(\@sums) if @sums;
    }
    elsif ($frame->{kind} eq 'hello') {
        write_frame({ kind => 'hello', version => 1, codec => 'json' });
        flush();
    }
    elsif ($frame->{kind} eq 'start') {
        ($call, $sum, $open) = ($frame->{call}, 0, 0);
    }
    elsif ($frame->{kind} eq 'input-end') {
        write_frame({ kind => 'done', call => $call, logged => 0 });
        flush();
    }
}
