# perl letter.pl NAME FILE: mail, boxes and cards by Perl's libraries.
use strict; use warnings; use utf8;
use Encode qw(encode);
my ($name, $file) = @ARGV;
my $date = 'Tue, 4 May 2021 12:00:00 +0200';
my %made = (
  lite => sub {
    require MIME::Lite;
    my $letter = MIME::Lite->new(From => encode('MIME-Header', 'Zoë Müller') . ' <zoe@example.org>', To => 'ivan@example.org, "Petrov, Ivan" <p@example.org>',
      Cc => 'ana@example.org', Subject => encode('MIME-Q', 'Jahresbericht – Übersicht 年次報告'), Date => $date, 'Message-ID' => '<lite@example.org>', Type => 'multipart/mixed');
    $letter->attach(Type => 'text/plain; charset=iso-8859-1', Encoding => 'quoted-printable', Data => encode('latin1', "Grüße aus Wien\n"));
    $letter->attach(Type => 'image/png', Filename => 'p.png', Data => "\x89PNG", Disposition => 'attachment');
    $letter->as_string;
  },
  tools => sub {
    require MIME::Entity;
    my $letter = MIME::Entity->build(From => 'zoe@example.org', To => 'ivan@example.org', Date => $date, Type => 'multipart/alternative', Boundary => 'fixed-1', 'X-Mailer' => undef,
      Subject => encode('MIME-B', 'Grüße'), 'Message-ID' => '<tools@example.org>', 'Reply-To' => 'r@example.org', Received => 'from a.example.org by b.example.org; ' . $date);
    $letter->attach(Type => 'text/plain', Charset => 'UTF-8', Encoding => 'base64', Data => encode('UTF-8', 'Привет'));
    $letter->attach(Type => 'text/html', Charset => 'UTF-8', Encoding => 'quoted-printable', Data => '<p>Hello</p>');
    my $inner = MIME::Entity->build(Type => 'message/rfc822', Encoding => '7bit', Data => "Subject: inner\n\ntext\n");
    $letter->add_part($inner);
    $letter->stringify;
  },
  vcard => sub {
    require Text::vCard; require Text::vCard::Addressbook;
    my $book = Text::vCard::Addressbook->new;
    my $card = $book->add_vcard;
    $card->fullname('Zoë Müller'); $card->bday('1980-02-03'); $card->title('Köchin'); $card->note('Notiz'); $card->email('zoe@example.org');
    my $named = $card->add_node({ node_type => 'N' }); $named->family('Müller'); $named->given('Zoë');
    my $place = $card->add_node({ node_type => 'ADR', types => ['home'] }); $place->street('Ring 1'); $place->city('Wien'); $place->country('Österreich');
    my $export = $book->export; utf8::is_utf8($export) ? encode('UTF-8', $export) : $export;
  },
  ical => sub {
    require Data::ICal; require Data::ICal::Entry::Event; require Data::ICal::Entry::Todo;
    my $calendar = Data::ICal->new;
    my $event = Data::ICal::Entry::Event->new;
    $event->add_properties(summary => 'Übersicht', description => "Zeile, mit; Zeichen\nzwei", dtstart => '20190203T040506Z', duration => 'PT1H', uid => 'p1@example.org', dtstamp => '20210504T120000Z', organizer => ['mailto:zoe@example.org', { CN => 'Zoë' }], location => 'Wien', rrule => 'FREQ=DAILY;COUNT=3');
    my $todo = Data::ICal::Entry::Todo->new;
    $todo->add_properties(summary => 'Erledigen', due => '20200101', status => 'NEEDS-ACTION', uid => 'p2@example.org', dtstamp => '20210504T120000Z');
    $calendar->add_entry($_) for $event, $todo;
    encode('UTF-8', $calendar->as_string);
  },
  box => sub {
    require Mail::Box::Manager; require Mail::Message;
    my $box = Mail::Box::Manager->new->open(folder => $file, type => 'mbox', access => 'rw', create => 1, lock_type => 'NONE');
    for my $number (1 .. 3) {
      $box->addMessage(Mail::Message->build(From => 'zoe@example.org', To => 'ivan@example.org', Subject => "Letter $number", Date => $date, 'Message-Id' => "<$number\@example.org>", data => "From the start\nGrr\n"));
    }
    $box->close(write => 'ALWAYS');
    undef;
  },
);
my $bytes = $made{$name}->();
if (defined $bytes) { open my $out, '>:raw', $file or die; print $out $bytes; close $out; }
