# An automounter for one folder: perl automount.pl FOLDER SOURCE. Whoever goes to FOLDER finds SOURCE there, mounted at
# that moment; when it cannot be mounted, nothing is there. Says `waiting` once it is ready and `asked` for each request
# before it answers. Ends with its standard input.
#
# In Perl since answers are given by ioctl, which in Rust is unsafe code, and since every Debian has it.
use strict;
use warnings;
use Fcntl qw(O_RDONLY O_DIRECTORY);

# From linux/auto_fs.h.
use constant { IOC_READY => 0x9360, IOC_FAIL => 0x9361, MISSING_DIRECT => 5 };
# More than any request has.
use constant ROOM => 4096;

my ($folder, $source) = @ARGV;
$| = 1;

# The program that mounts takes the pipe over by its number.
$^F = 255;
pipe(my $requests, my $kernel) or die "pipe: $!";
my $options = sprintf 'fd=%d,pgrp=%d,minproto=5,maxproto=5,direct', fileno $kernel, getpgrp 0;
system('mount', '-i', '-t', 'autofs', '-o', $options, 'holdfast-test', $folder) == 0 or die 'no automount';
close $kernel;
# Answers go to the automount itself, which must be open before anything lies over it. Processes of this group come here,
# and mount here, without being asked about.
sysopen(my $automount, $folder, O_RDONLY | O_DIRECTORY) or die "$folder: $!";
print "waiting\n";

while (1) {
    my $awaited = '';
    vec($awaited, fileno $_, 1) = 1 for \*STDIN, $requests;
    select(my $here = $awaited, undef, undef, undef) > 0 or next;
    # Whoever started this has ended.
    last if vec($here, fileno STDIN, 1);
    sysread($requests, my $request, ROOM) or last;
    my ($type, $token) = unpack 'x4 L L', $request;
    print "asked\n";
    my $is_mounted = $type == MISSING_DIRECT && system('mount', '--bind', $source, $folder) == 0;
    ioctl($automount, $is_mounted ? IOC_READY : IOC_FAIL, $token) or die "answer: $!";
}
