/* incident: the report for a lost medium, in Japanese, in the order of the authority's form. What
 * is known is from the log and the policy; what is not says 調査中. Whether to report is for the
 * data manager to decide: the report gives the facts and the deadlines. */
#include "paper_text.h"
#include "papers.h"
#include <string.h>

#define PRELIMINARY_DAYS 5 /* these two where no policy says it */
#define FINAL_DAYS 30      /* 60 where an improper purpose is possible: */
#define FINAL_DAYS_IMPROPER 60
#define REPORT_PERSONS 1000 /* more persons than this: one of the triggers, as of 2026-11 */

static const char *class_of(const char *field)
{
    const char *colon = strrchr(field, ':');
    return colon == NULL ? field : colon + 1;
}

/* The classes, each once, with its columns: "name（name、kana）". */
static enum status append_items(struct buffer *text, const struct carry_record *carry,
                                struct error *error)
{
    enum status status = STATUS_OK;
    for (char **field = carry->fields; field != NULL && *field != NULL; field++) {
        bool first = true;
        for (char **earlier = carry->fields; earlier < field; earlier++) {
            first = first && strcmp(class_of(*earlier), class_of(*field)) != 0;
        }
        if (!first) {
            continue;
        }
        status = paper_append(text, error, "  ・分類「%s」: ", class_of(*field));
        for (char **other = field; *other != NULL && status == STATUS_OK; other++) {
            if (strcmp(class_of(*other), class_of(*field)) == 0) {
                const char *colon = strrchr(*other, ':');
                status = paper_append(text, error, "%s%.*s", other == field ? "" : "、",
                                      colon == NULL ? 0 : (int)(colon - *other), *other);
            }
        }
        if (status == STATUS_OK) {
            status = paper_append(text, error, "（本人の数 %llu 人）\n",
                                  (unsigned long long)carry->persons);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return carry->documents == 0
               ? status
               : paper_append(text, error, "  ・書類（スキャンした文書など）: %llu 件\n",
                              (unsigned long long)carry->documents);
}

static const char *find_manager(const struct policy *policy)
{
    for (size_t i = 0; i < policy->people_count; i++) {
        if ((policy->people[i].roles & ROLE_DATA_MANAGER) != 0) {
            return policy->people[i].name;
        }
    }
    return PAPER_UNKNOWN;
}

static enum status append_head(struct buffer *text, const struct policy *policy,
                               const struct carry_record *carry, struct moment learned,
                               struct error *error)
{
    char now[PAPER_TIME_SIZE], preliminary[PAPER_DATE_SIZE], early[PAPER_DATE_SIZE];
    char final[PAPER_DATE_SIZE], improper[PAPER_DATE_SIZE];
    const unsigned first =
        policy->report_preliminary_days == 0 ? PRELIMINARY_DAYS : policy->report_preliminary_days;
    const unsigned last = policy->report_final_days == 0 ? FINAL_DAYS : policy->report_final_days;
    return paper_append(
        text, error,
        "個人データ持ち出し媒体の紛失に関する報告書（社内用・個人情報保護委員会への報告の基礎資料"
        "）\n"
        "\n"
        "事業者: %s\n"
        "%s: %s\n"
        "持ち出し番号: %s\n"
        "紛失を知った日時: %s\n"
        "\n"
        "■ 期限（個人情報保護法第26条・同施行規則第8条。2026年11月時点）\n"
        "  速報: 速やかに、遅くとも%sまで（知った時からおおむね3～5日以内。3日目は%s）\n"
        "  確報: %sまで（%u日以内）。不正の目的によるおそれがあるときは%sまで（%d日以内）\n"
        "\n"
        "■ 報告の要否\n"
        "  "
        "このプログラムは判断しません。個人データの管理責任者が、下記の事実をもとに判断してください"
        "。\n"
        "  判断の要素: 要配慮個人情報の有無、財産的被害のおそれ、不正の目的のおそれ、\n"
        "  本人の数が%d人を超えるか（本件は %llu 人）、高度な暗号化等の秘匿化がされていたか。\n"
        "\n",
        policy->shop == NULL ? PAPER_UNKNOWN
            "（署名されたポリシーを読めないため、氏名などは番号のみです）"
                             : policy->shop,
        policy->manager_title == NULL ? "個人データ管理責任者" : policy->manager_title,
        find_manager(policy), carry->id, paper_time(now, learned),
        paper_date(preliminary, learned, first), paper_date(early, learned, 3),
        paper_date(final, learned, last), last, paper_date(improper, learned, FINAL_DAYS_IMPROPER),
        FINAL_DAYS_IMPROPER, REPORT_PERSONS, (unsigned long long)carry->persons);
}

static enum status append_outline(struct buffer *text, const struct policy *policy,
                                  const struct carry_record *carry, const char *note,
                                  struct error *error)
{
    char bearer[PAPER_NAME_SIZE], approver[PAPER_NAME_SIZE], second[PAPER_NAME_SIZE];
    char requested[PAPER_TIME_SIZE], out[PAPER_TIME_SIZE], due[PAPER_TIME_SIZE];
    const struct policy_medium *medium = policy_find_medium(policy, carry->medium);
    return paper_append(
        text, error,
        "1. 概要\n"
        "  媒体「%s」（保管場所: "
        "%s）に入れて持ち出した個人データ「%s」の所在が分からなくなりました。\n"
        "  目的: %s  行き先: %s\n"
        "  持ち出した者: %s\n"
        "  承認した者: %s%s%s\n"
        "  申請: %s  持ち出し: %s  返却予定: %s\n"
        "  経緯: %s\n"
        "\n",
        carry->medium, medium == NULL || medium->kept_at == NULL ? PAPER_UNKNOWN : medium->kept_at,
        carry->data_set, carry->purpose, carry->destination,
        paper_person(bearer, policy, carry->bearer),
        paper_person(approver, policy, carry->approvers[0]),
        carry->approvers[1][0] == '\0' ? "" : "、",
        carry->approvers[1][0] == '\0' ? "" : paper_person(second, policy, carry->approvers[1]),
        paper_time(requested, carry->requested), paper_time(out, carry->out),
        paper_time(due, carry->due), note == NULL ? PAPER_UNKNOWN : note);
}

static bool has_text(char *const *texts, const char *text)
{
    while (texts != NULL && *texts != NULL && strcmp(*texts, text) != 0) {
        texts++;
    }
    return texts != NULL && *texts != NULL;
}

/* Whose key it is, as far as the policy knows: where to look whether it is still safe. */
static const char *find_holder(const struct policy *policy, const struct carry_record *carry,
                               const char *recipient)
{
    const struct policy_destination *destination =
        policy_find_destination(policy, carry->destination);
    for (size_t i = 0; i < policy->people_count; i++) {
        if (policy->people[i].recipient != NULL &&
            strcmp(policy->people[i].recipient, recipient) == 0) {
            return policy->people[i].name;
        }
    }
    return destination != NULL && has_text(destination->recipients, recipient) ? destination->name
                                                                               : PAPER_UNKNOWN;
}

static enum status append_sealing(struct buffer *text, const struct policy *policy,
                                  const struct carry_record *carry, struct error *error)
{
    char digest[2 * DIGEST_SIZE + 1];
    const bool zip = strcmp(carry->format, "zip") == 0;
    enum status status = paper_append(
        text, error,
        "9. その他参考となる事項\n"
        "  暗号化: %s\n"
        "  復号の手段: %s\n"
        "  復号できる鍵（公開鍵と、その秘密鍵の持ち主または行き先）:\n",
        zip ? "WinZip-AES（AES-256）。パスフレーズは自動生成（100ビット以上）"
            : "age（X25519、ChaCha20-Poly1305）。鍵は256ビット",
        zip ? "自動生成のパスフレーズのみ。下記の鍵の持ち主だけが開けられる形で渡し、媒体には"
              "書き込んでいません"
            : "下記の鍵の秘密鍵のみ。媒体には書き込んでいません");
    for (char **recipient = carry->recipients;
         recipient != NULL && *recipient != NULL && status == STATUS_OK; recipient++) {
        status = paper_append(text, error, "    %s（%s）\n", *recipient,
                              find_holder(policy, carry, *recipient));
    }
    return status == STATUS_OK
               ? paper_append(text, error,
                              "  暗号化されたファイルのBLAKE2b-256: %s（%llu バイト）\n"
                              "  鍵やパスフレーズが媒体と一緒に失われていないか: " PAPER_UNKNOWN
                              "\n"
                              "  記録: 監査ログ（kura audit verify で検証できます）\n",
                              hex_encode(digest, carry->artefact, DIGEST_SIZE),
                              (unsigned long long)carry->artefact_size)
               : status;
}

enum status paper_incident(struct buffer *text, const struct policy *policy,
                           const struct carry_record *carry, struct moment learned,
                           const char *note, struct error *error)
{
    enum status status = append_head(text, policy, carry, learned, error);
    if (status == STATUS_OK) {
        status = append_outline(text, policy, carry, note, error);
    }
    if (status == STATUS_OK) {
        status = paper_append(text, error,
                              "2. 漏えい等が発生し、又は発生したおそれがある個人データの項目\n");
    }
    if (status == STATUS_OK) {
        status = append_items(text, carry, error);
    }
    if (status == STATUS_OK) {
        status = paper_append(text, error,
                              "\n3. 本人の数\n  %llu 人（行数 %llu、書類 %llu "
                              "件。同じ人は一人と数え、名前だけでは同一と"
                              "みなしていません）\n\n"
                              "4. 原因\n  " PAPER_UNKNOWN "\n\n"
                              "5. 二次被害又はそのおそれの有無及びその内容\n  " PAPER_UNKNOWN "\n\n"
                              "6. 本人への対応の実施状況\n  " PAPER_UNKNOWN "\n\n"
                              "7. 公表の実施状況\n  " PAPER_UNKNOWN "\n\n"
                              "8. 再発防止のための措置\n  " PAPER_UNKNOWN "\n\n",
                              (unsigned long long)carry->persons, (unsigned long long)carry->rows,
                              (unsigned long long)carry->documents);
    }
    return status == STATUS_OK ? append_sealing(text, policy, carry, error) : status;
}
