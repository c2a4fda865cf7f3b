# sh lo.sh SOURCE EXTENSION:FILTER[:OPTIONS] FILE: LibreOffice with a profile of its own.
set -e
extension=${2%%:*}
mkdir -p "$d/out"
soffice "-env:UserInstallation=file://$d/profile" --headless --norestore --nologo ${IN:+"--infilter=$IN"} --convert-to "$2" --outdir "$d/out" "$1" 2>&1
mv "$d"/out/*."$extension" "$3"
