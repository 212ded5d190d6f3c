#!/usr/bin/env bash
# Every message exists in Japanese, whole and current, and the program speaks it.
source "$(dirname "$0")/lib.sh"

po=$tests/../src/po
"$po/extract" "$work/kura.pot"
msgmerge --quiet --no-fuzzy-matching "$po/ja.po" "$work/kura.pot" -o "$work/ja.po"
msgfmt --check -o "$work/kura.mo" "$work/ja.po"
msgattrib --no-obsolete --untranslated "$work/ja.po" >"$work/out"
msgattrib --no-obsolete --only-fuzzy "$work/ja.po" >>"$work/out"
[ ! -s "$work/out" ] || fail "messages without a current translation in src/po/ja.po"

# The program finds its translations beside itself, and what is said has no English left.
export LANGUAGE=ja
run 0 --help
says out "コマンド:"
run 0 restore --help
says out "終了コード: 0 完了"
if grep -qE '[a-z]{3,} [a-z]{2,} [a-z]{3,}' <(grep -vF 'kura' "$work/out"); then fail "English in the Japanese help"; fi
run 2 frobnicate
says err "コマンド frobnicate はありません"
make_shop
run 0 -c kura.yaml init --kit kit.txt --passphrase-file pw
run 0 -c kura.yaml backup
says out "が完了しました"
run 0 -c kura.yaml snapshots
says out "ヘッドコード"

# A language that is not there falls back to English.
LANGUAGE=xx run 0 --help
says out "Commands:"
echo "translations: all messages in Japanese"
