/* papers: the finder's notice and the erasure certificate. They are documents of a Japanese company
 * and stay in their language whatever the program's language is. */
#include "papers.h"
#include "paper_text.h"
#include <string.h>

enum status paper_notice(struct buffer *text, const struct policy *policy, const char *carry,
                         struct error *error)
{
    return paper_append(
        text, error,
        "この記録媒体を拾われた方へ\r\n"
        "\r\n"
        "この媒体は%sの業務用で、中のファイルは暗号化されています。\r\n"
        "開くことはできませんので、パソコンに接続せず、下記までご連絡ください。\r\n"
        "着払いでの返送も承ります。ご協力に感謝いたします。\r\n"
        "\r\n"
        "連絡先: %s\r\n"
        "管理番号: %s\r\n"
        "\r\n"
        "----------------------------------------\r\n"
        "To whoever finds this medium\r\n"
        "\r\n"
        "It belongs to a company (%s), and the file on it is encrypted.\r\n"
        "It cannot be opened. Please do not connect it to a computer, and contact\r\n"
        "us. We will gladly pay for its return. Thank you.\r\n"
        "\r\n"
        "Contact: %s\r\n"
        "Reference: %s\r\n",
        policy->shop, policy->contact, carry, policy->shop, policy->contact, carry);
}

enum status paper_certificate(struct buffer *text, const struct policy *policy,
                              const struct carry_record *carry, enum paper_erasure how,
                              const char *note, struct error *error)
{
    char out[PAPER_TIME_SIZE], returned[PAPER_TIME_SIZE], erased[PAPER_TIME_SIZE];
    char bearer[PAPER_NAME_SIZE], confirmer[PAPER_NAME_SIZE];
    static const char *const treatments[] = {
        [ERASURE_OVERWRITTEN] = "媒体上の暗号化ファイルを乱数で上書きして削除し、媒体に新しいラベル"
                                "を書き込みました。",
        [ERASURE_NOT_FOUND] = "返却時、暗号化ファイルは媒体上になく、上書きしていません（中断した"
                              "返却手続きで消去済みの場合を含みます）。媒体に新しいラベルを書き込"
                              "みました。",
        [ERASURE_DESTROYED] = "媒体は手元になく、次のとおり処置されたと確認者が署名しました。",
    };
    return paper_append(
        text, error,
        "消去証明書\n"
        "\n"
        "事業者: %s\n"
        "持ち出し番号: %s\n"
        "データセット: %s（本人の数 %llu 人、書類 %llu 件）\n"
        "媒体: %s\n"
        "持ち出した者: %s\n"
        "持ち出し日時: %s\n"
        "返却日時: %s\n"
        "消去日時: %s\n"
        "確認した者（持ち出した者とは別の者）: %s\n"
        "\n"
        "処置: %s\n"
        "確認者の付記: %s\n"
        "\n"
        "注意: フラッシュメモリでは、上書きしても元の記録がすべて消えることは証明できません。\n"
        "内容が保護されるのは、暗号化されており、復号鍵が媒体と別に管理されているためです。\n"
        "この証明書の内容は監査ログに記録されています（kura audit verify で検証できます）。\n",
        policy->shop, carry->id, carry->data_set, (unsigned long long)carry->persons,
        (unsigned long long)carry->documents, carry->medium,
        paper_person(bearer, policy, carry->bearer), paper_time(out, carry->out),
        paper_time(returned, carry->returned), paper_time(erased, carry->erased),
        paper_person(confirmer, policy, carry->confirmer), treatments[how],
        note == NULL ? "なし" : note);
}
