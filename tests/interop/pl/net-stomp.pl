#!/usr/bin/perl
# Net::Stomp, an old client that asks for no version and so speaks 1.0, unless it is told to:
#
#   perl net-stomp.pl PORT
#
# Each scenario prints one line of JSON, which the Go tests read.

use strict;
use warnings;
use JSON::PP;
use Net::Stomp;
use Time::HiRes qw(time);

my $port     = shift or die "port?\n";
my $patience = 20;                                                  # seconds
my $run      = sprintf '%x%x', $$, rand 2**31;
my $json     = JSON::PP->new->canonical;
$| = 1;

# start connects and gives the client; CONNECTED is left in $_[1], if it is there.
sub start {
    my %headers = @_;
    my $stomp = Net::Stomp->new({ hostname => '127.0.0.1', port => $port, timeout => $patience, logger => Quiet->new });
    my $hello = $stomp->connect({ login => 'anybody', passcode => 'anything', %headers });
    die 'no CONNECTED: ' . $hello->as_string unless $hello->command eq 'CONNECTED';
    return ($stomp, $hello);
}

sub next_frame {
    my ($stomp, $command) = @_;
    my $frame = $stomp->receive_frame({ timeout => $patience }) or die "nothing came\n";
    die "want $command, got " . $frame->as_string unless $frame->command eq $command;
    return $frame;
}

sub equal {
    my ($got, $want, $what) = @_;
    $got //= '(nothing)';
    die substr("$what: got $got, want $want", 0, 500) . "\n" unless $got eq $want;
}

my @scenarios = (
    'no version asked for is 1.0' => sub {
        my ($stomp, $hello) = start();
        equal($hello->headers->{version}, '1.0', 'version');
        $stomp->subscribe({ destination => "/queue/pl-$run", ack => 'auto' });
        $stomp->send({ destination => "/queue/pl-$run", body => 'hello', note => 'plain' });
        my $frame = next_frame($stomp, 'MESSAGE');
        equal($frame->body, 'hello', 'body');
        equal($frame->headers->{note}, 'plain', 'note');
        $stomp->disconnect;
    },
    'acknowledgement by message-id' => sub {
        my ($stomp) = start();
        $stomp->subscribe({ destination => "/queue/pl-$run-ack", ack => 'client', 'activemq.prefetchSize' => 1 });
        $stomp->send({ destination => "/queue/pl-$run-ack", body => $_ }) for 1, 2, 3;
        for my $body (1, 2, 3) {
            my $frame = next_frame($stomp, 'MESSAGE');
            equal($frame->body, $body, 'body');
            $stomp->ack({ frame => $frame });
        }
        $stomp->unsubscribe({ destination => "/queue/pl-$run-ack" });
        $stomp->disconnect;
    },
    'a transactional send' => sub {
        my ($stomp) = start();
        $stomp->subscribe({ destination => "/queue/pl-$run-tx", ack => 'auto' });
        # It waits for the receipt itself, inside a transaction that it begins and commits.
        $stomp->send_transactional({ destination => "/queue/pl-$run-tx", body => 'safe' }, $patience) or die "not taken\n";
        equal(next_frame($stomp, 'MESSAGE')->body, 'safe', 'body');
        $stomp->disconnect;
    },
    'a send with a receipt' => sub {
        my ($stomp) = start();
        $stomp->send_with_receipt({ destination => "/queue/pl-$run-receipt", body => 'x' }, $patience) or die "not taken\n";
        $stomp->disconnect;
    },
    'octets that are no text' => sub {
        my ($stomp) = start();
        my $all = join '', map { chr } 0 .. 255;
        $stomp->subscribe({ destination => "/queue/pl-$run-binary", ack => 'auto' });
        $stomp->send({ destination => "/queue/pl-$run-binary", bytes_message => 1, body => $all });
        equal(next_frame($stomp, 'MESSAGE')->body, $all, 'body');
        $stomp->disconnect;
    },
    'version 1.1 with an id' => sub {
        my ($stomp, $hello) = start('accept-version' => '1.0,1.1', host => '/');
        equal($hello->headers->{version}, '1.1', 'version');
        $stomp->subscribe({ destination => "/queue/pl-$run-11", id => 'mine', ack => 'client' });
        $stomp->send({ destination => "/queue/pl-$run-11", body => 'x' });
        my $frame = next_frame($stomp, 'MESSAGE');
        equal($frame->headers->{subscription}, 'mine', 'subscription');
        $stomp->nack({ frame => $frame, subscription => 'mine' });
        my $again = next_frame($stomp, 'MESSAGE');
        equal($again->headers->{redelivered}, 'true', 'redelivered');
        $stomp->ack({ frame => $again, subscription => 'mine' });
        $stomp->disconnect;
    },
);

my %by_name = @scenarios;
my @names = map { $scenarios[ 2 * $_ ] } 0 .. $#scenarios / 2;
print $json->encode({ plan => \@names }), "\n";
for my $name (@names) {
    my $started = time;
    my $ok = eval { $by_name{$name}->(); 1 };
    my $error = $ok ? '' : "$@";
    print $json->encode({
        name => $name, ok => $ok ? JSON::PP::true : JSON::PP::false,
        error => $error, ms => int 1000 * (time - $started),
    }), "\n";
}

# Net::Stomp logs through this; what matters is in the results.
package Quiet;
sub new { bless {}, shift }
sub AUTOLOAD { }
