# Prints what ExifTool's tables say beside the listing: conditions, formulas, masks. Run by tests/tools/tags.py.
use strict;
use warnings;
use Image::ExifTool;
use JSON::PP;

Image::ExifTool::LoadAllTables();
my @rows;
foreach my $name (sort keys %Image::ExifTool::allTables) {
    my $table = Image::ExifTool::GetTagTable($name) or next;
    my $short = $name;
    $short =~ s/^Image::ExifTool:://;
    foreach my $id (Image::ExifTool::TagTableKeys($table)) {
        foreach my $info (Image::ExifTool::GetTagInfoList($table, $id)) {
            next if ref $info ne 'HASH';
            my %row = (table => $short, id => "$id", name => $$info{Name});
            foreach my $key (qw(Condition RawConv ValueConv Mask Format)) {
                $row{$key} = ref $$info{$key} ? ref $$info{$key} : "$$info{$key}" if defined $$info{$key};
            }
            push @rows, \%row;
        }
    }
}
print JSON::PP->new->utf8(1)->canonical(1)->encode(\@rows);
