# . ./tree.sh: a folder $d/t with files of several kinds, and the shell stands in it.
here=$PWD
mkdir -p "$d/t/Ordner" && cd "$d/t"
printf 'Gr\303\274\303\237e\n' > 'Ordner/größe 大.txt'
printf 'hello hello hello hello\n' > a.txt
chmod 4750 a.txt
ln -s a.txt link
ln a.txt hard
mkfifo pipe
long=Ordner/$(printf 'x%.0s' $(seq 120))
echo long > "$long"
setfattr -n user.note -v 'Notiz' a.txt 2>/dev/null || true
find . -exec touch -h -d @1620129600.5 {} +
