/* recovery_kit_words: the words on a recovery kit, at most 76 columns wide. The command in them is
 * written so that it does not find itself: "[A]GE" matches AGE.
 */
#include "recovery_kit_words.h"

const char recovery_kit_words[] =
    "KURA 復旧キット / RECOVERY KIT\n"
    "\n"
    "この用紙とパスフレーズがあれば、バックアップのすべてを読み出せます。個人情報\n"
    "の鍵です。金庫に保管し、パスフレーズは別の場所に保管してください。拾われた方\n"
    "は、内容を写さず、ただちに持ち主へお返しください。\n"
    "\n"
    "復元の手順\n"
    "  1. 新しい機械に kura を入れ、下の枠を kit.txt に打ち込むか読み取ります。\n"
    "  2. 実行:  kura restore --kit kit.txt --target /復元先\n"
    "  3. 求められたら、このキットのパスフレーズを入力します。\n"
    "kura がなくても開けます(age と sed があれば足ります):\n"
    "  sed -n '/BEGIN [A]GE/,/END [A]GE/p' kit.txt | age -d\n"
    "\n"
    "With this sheet and its passphrase every backup can be read. It is a key to\n"
    "personal data: keep it in a safe, and the passphrase in another place. If\n"
    "you found it, do not copy it and return it to its owner at once.\n"
    "\n"
    "To restore\n"
    "  1. Install kura on a new machine; type or scan the block below: kit.txt\n"
    "  2. Run:   kura restore --kit kit.txt --target /where/to\n"
    "  3. Type this kit's passphrase when asked.\n"
    "Without kura (age and sed are enough):\n"
    "  sed -n '/BEGIN [A]GE/,/END [A]GE/p' kit.txt | age -d\n"
    "\n";
