# Prints what ExifTool's tables say beside the listing: conditions, formulas, masks. Run by tests/tools/tags.py.
use strict;
use warnings;
use B;
use Image::ExifTool;
use JSON::PP;

# A routine by its name.
sub named {
    my $routine = shift;
    return ref $routine eq 'CODE' ? B::svref_2object($routine)->GV->NAME : "$routine";
}

Image::ExifTool::LoadAllTables();
my @rows;
foreach my $name (sort keys %Image::ExifTool::allTables) {
    my $table = Image::ExifTool::GetTagTable($name) or next;
    my $short = $name;
    $short =~ s/^Image::ExifTool:://;
    my %whole = (table => $short, unit => $$table{FORMAT} || 'int8u', process => named($$table{PROCESS_PROC} || ''));
    push @rows, \%whole;
    foreach my $id (Image::ExifTool::TagTableKeys($table)) {
        foreach my $info (Image::ExifTool::GetTagInfoList($table, $id)) {
            next if ref $info ne 'HASH';
            my %row = (table => $short, id => "$id", name => $$info{Name});
            foreach my $key (qw(Condition RawConv ValueConv Mask Format IsOffset)) {
                $row{$key} = ref $$info{$key} ? ref $$info{$key} : "$$info{$key}" if defined $$info{$key};
            }
            $whole{hooks} = 1 if $$info{Hook};
            my $inner = $$info{SubDirectory};
            if ($inner and $$inner{TagTable}) {
                $row{inner} = $$inner{TagTable} =~ s/^Image::ExifTool:://r;
                foreach my $key (qw(Start ByteOrder ProcessProc Validate Base MaxSubdirs DirName)) {
                    $row{"inner$key"} = named($$inner{$key}) if defined $$inner{$key};
                }
            }
            push @rows, \%row;
        }
    }
}
print JSON::PP->new->utf8(1)->canonical(1)->encode(\@rows);
