/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inducement: what a text presses its reader to do. A short list in seven languages (English,
 * German, French, Spanish, Portuguese, Italian, Dutch); a class is a hint that weighs with
 * others, not a verdict. open: to click, sign, review or fetch something; look: the same as
 * friends say it. pretext: what comes before a favour is asked, from somebody who cannot be
 * called. windfall: something to win or to inherit.
 */
#include "parse/mail/mail.h"
#include <pthread.h>

enum mail_word {
	URGENT,
	PAYMENT,
	CREDENTIAL,
	INVOICE,
	GIFT_CARD,
	OPEN,
	LOOK,
	PRETEXT,
	WINDFALL,
	WORD_COUNT
};

static const char *const names[] = {"urgent", "payment", "credential", "invoice", "gift-card",
				    "open",   "look",	 "pretext",    "windfall"};

/* Lower case; matched from the start of a word on, so "urgent" finds "urgently". */
static const struct {
	uint8_t cls;
	const char *text;
} table[] = {
	{URGENT, "urgent"},
	{URGENT, "immediately"},
	{URGENT, "asap"},
	{URGENT, "as soon as possible"},
	{URGENT, "within 24 hours"},
	{URGENT, "within 48 hours"},
	{URGENT, "final notice"},
	{URGENT, "last warning"},
	{URGENT, "action required"},
	{URGENT, "will be suspended"},
	{URGENT, "will be closed"},
	{URGENT, "dringend"},
	{URGENT, "sofort"},
	{URGENT, "umgehend"},
	{URGENT, "unverz\xc3\xbcglich"},
	{URGENT, "unverzueglich"},
	{URGENT, "innerhalb von 24"},
	{URGENT, "letzte mahnung"},
	{URGENT, "immediatement"},
	{URGENT, "imm\xc3\xa9"
		 "diatement"},
	{URGENT, "dans les 24"},
	{URGENT, "dernier rappel"},
	{URGENT, "inmediatamente"},
	{URGENT, "de inmediato"},
	{URGENT, "ultimo aviso"},
	{PAYMENT, "wire transfer"},
	{PAYMENT, "bank transfer"},
	{PAYMENT, "bank details"},
	{PAYMENT, "bank account"},
	{PAYMENT, "payment"},
	{PAYMENT, "bitcoin"},
	{PAYMENT, "iban"},
	{PAYMENT, "\xc3\xbc"
		  "berweis"},
	{PAYMENT, "ueberweis"},
	{PAYMENT, "bankverbindung"},
	{PAYMENT, "kontoverbindung"},
	{PAYMENT, "zahlung"},
	{PAYMENT, "virement"},
	{PAYMENT, "paiement"},
	{PAYMENT, "coordonnees bancaires"},
	{PAYMENT, "coordonn\xc3\xa9"
		  "es bancaires"},
	{PAYMENT, "transferencia"},
	{PAYMENT, "pago"},
	{PAYMENT, "cuenta bancaria"},
	{CREDENTIAL, "password"},
	{CREDENTIAL, "passcode"},
	{CREDENTIAL, "verify your"},
	{CREDENTIAL, "confirm your"},
	{CREDENTIAL, "sign in"},
	{CREDENTIAL, "log in"},
	{CREDENTIAL, "login"},
	{CREDENTIAL, "unusual sign-in"},
	{CREDENTIAL, "update your account"},
	{CREDENTIAL, "mailbox is full"},
	{CREDENTIAL, "passwort"},
	{CREDENTIAL, "kennwort"},
	{CREDENTIAL, "anmelden"},
	{CREDENTIAL, "zugangsdaten"},
	{CREDENTIAL, "konto best"},
	{CREDENTIAL, "mot de passe"},
	{CREDENTIAL, "identifiants"},
	{CREDENTIAL, "connectez-vous"},
	{CREDENTIAL, "verifiez votre"},
	{CREDENTIAL, "v\xc3\xa9rifiez votre"},
	{CREDENTIAL, "contrase\xc3\xb1"
		     "a"},
	{CREDENTIAL, "contrasena"},
	{CREDENTIAL, "inicie sesi"},
	{CREDENTIAL, "verifique su"},
	{INVOICE, "invoice"},
	{INVOICE, "remittance"},
	{INVOICE, "purchase order"},
	{INVOICE, "overdue"},
	{INVOICE, "rechnung"},
	{INVOICE, "mahnung"},
	{INVOICE, "facture"},
	{INVOICE, "bon de commande"},
	{INVOICE, "factura"},
	{INVOICE, "pedido"},
	{GIFT_CARD, "gift card"},
	{GIFT_CARD, "giftcard"},
	{GIFT_CARD, "itunes card"},
	{GIFT_CARD, "google play card"},
	{GIFT_CARD, "steam card"},
	{GIFT_CARD, "geschenkkarte"},
	{GIFT_CARD, "gutscheinkarte"},
	{GIFT_CARD, "carte cadeau"},
	{GIFT_CARD, "cartes cadeaux"},
	{GIFT_CARD, "tarjeta regalo"},
	{GIFT_CARD, "tarjetas de regalo"},
	{URGENT, "end of the day"},
	{URGENT, "end of day"},
	{URGENT, "by tomorrow"},
	{URGENT, "noch heute"},
	{URGENT, "avant ce soir"},
	{URGENT, "imediatamente"},
	{URGENT, "immediatamente"},
	{URGENT, "onmiddellijk"},
	{PAYMENT, "pagamento"},
	{PAYMENT, "boleto"},
	{PAYMENT, "bonifico"},
	{PAYMENT, "betaling"},
	{CREDENTIAL, "senha"},
	{CREDENTIAL, "confirme seus dados"},
	{CREDENTIAL, "verifica il tuo"},
	{CREDENTIAL, "wachtwoord"},
	{CREDENTIAL, "inloggen"},
	{INVOICE, "fatura"},
	{INVOICE, "fattura"},
	{INVOICE, "factuur"},
	{GIFT_CARD, "carta regalo"},
	{GIFT_CARD, "cadeaukaart"},
	{OPEN, "click here"},
	{OPEN, "click below"},
	{OPEN, "click on the link"},
	{OPEN, "click the link"},
	{OPEN, "follow the link"},
	{OPEN, "follow this link"},
	{LOOK, "have a look"},
	{LOOK, "take a look at th"},
	{OPEN, "please review"},
	{OPEN, "please see the"},
	{OPEN, "please check the"},
	{OPEN, "please open"},
	{OPEN, "please download"},
	{OPEN, "please sign"},
	{LOOK, "let me know what you think"},
	{LOOK, "look at this"},
	{OPEN, "shared a file"},
	{OPEN, "shared a document"},
	{OPEN, "shared document"},
	{OPEN, "shared file"},
	{OPEN, "shared folder"},
	{OPEN, "view document"},
	{OPEN, "view the document"},
	{OPEN, "view message"},
	{OPEN, "updated file"},
	{OPEN, "updated document"},
	{OPEN, "updated version"},
	{OPEN, "new version of the"},
	{OPEN, "signed document"},
	{OPEN, "the document here"},
	{OPEN, "the file here"},
	{OPEN, "document you asked for"},
	{OPEN, "file you asked for"},
	{OPEN, "klicken sie"},
	{OPEN, "klick hier"},
	{OPEN, "bitte pr\xc3\xbc"
	       "fen"},
	{LOOK, "schau dir"},
	{LOOK, "schauen sie sich"},
	{OPEN, "dokument freigegeben"},
	{OPEN, "cliquez"},
	{OPEN, "veuillez consulter"},
	{LOOK, "jetez un coup d"},
	{OPEN, "haga clic"},
	{OPEN, "haz clic"},
	{OPEN, "clique aqui"},
	{OPEN, "clique no link"},
	{OPEN, "clicca qui"},
	{OPEN, "klik hier"},
	{WINDFALL, "you have won"},
	{WINDFALL, "you won"},
	{WINDFALL, "you've won"},
	{WINDFALL, "winner"},
	{WINDFALL, "you have been selected"},
	{WINDFALL, "you have been chosen"},
	{WINDFALL, "claim your"},
	{WINDFALL, "your reward"},
	{WINDFALL, "your prize"},
	{WINDFALL, "unclaimed"},
	{WINDFALL, "inheritance"},
	{WINDFALL, "next of kin"},
	{WINDFALL, "beneficiary"},
	{WINDFALL, "lottery"},
	{WINDFALL, "million dollars"},
	{WINDFALL, "million usd"},
	{WINDFALL, "airdrop"},
	{WINDFALL, "free spins"},
	{WINDFALL, "abandoned package"},
	{WINDFALL, "herzlichen gl\xc3\xbc"
		   "ckwunsch"},
	{WINDFALL, "sie wurden ausgew"},
	{WINDFALL, "gewonnen"},
	{WINDFALL, "gewinner"},
	{WINDFALL, "freispiele"},
	{WINDFALL, "f\xc3\xa9"
		   "licitations"},
	{WINDFALL, "vous avez gagn"},
	{WINDFALL, "r\xc3\xa9"
		   "compense"},
	{WINDFALL, "has ganado"},
	{WINDFALL, "has sido seleccionado"},
	{WINDFALL, "tu premio"},
	{WINDFALL, "recibir un premio"},
	{WINDFALL, "voc\xc3\xaa"
		   " ganhou"},
	{WINDFALL, "resgate"},
	{WINDFALL, "hai vinto"},
	{WINDFALL, "je hebt gewonnen"},
	{WINDFALL, "gefeliciteerd"},
	{PRETEXT, "are you available"},
	{PRETEXT, "are you free right now"},
	{PRETEXT, "are you at your desk"},
	{PRETEXT, "are you in the office"},
	{PRETEXT, "quick favor"},
	{PRETEXT, "quick favour"},
	{PRETEXT, "need a favor"},
	{PRETEXT, "need a favour"},
	{PRETEXT, "handle something for me"},
	{PRETEXT, "run an errand"},
	{PRETEXT, "discreetly"},
	{PRETEXT, "keep this confidential"},
	{PRETEXT, "keep this between us"},
	{PRETEXT, "i am in a meeting"},
	{PRETEXT, "i'm in a meeting"},
	{PRETEXT, "e-mail only"},
	{PRETEXT, "email only"},
	{PRETEXT, "your cell number"},
	{PRETEXT, "your cell phone number"},
	{PRETEXT, "your mobile number"},
	{PRETEXT, "personal number"},
	{PRETEXT, "sind sie im b\xc3\xbc"
		  "ro"},
	{PRETEXT, "kurzer gefallen"},
	{PRETEXT, "bin in einer besprechung"},
	{PRETEXT, "\xc3\xaates-vous disponible"},
	{PRETEXT, "je suis en r\xc3\xa9union"},
	{PRETEXT, "estoy en una reuni\xc3\xb3n"},
	{PRETEXT, "estou em uma reuni\xc3\xa3o"},
};

/* Chains of the table by first byte: first[b] - 1 is the head, next[i] - 1 what follows. */
static uint8_t first[256], next[ARRAY_LEN(table)];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void chain(void)
{
	_Static_assert(ARRAY_LEN(table) < 255, "indices are bytes");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		unsigned char b = (unsigned char)table[i].text[0];

		next[i] = first[b];
		first[b] = (uint8_t)(i + 1);
	}
}

const char *mail_word_name(unsigned i)
{
	return i < WORD_COUNT ? names[i] : NULL;
}

static bool inside_word(char c)
{
	return letter_c(c) || (unsigned char)c >= 0x80;
}

/* text at i starts with word; any white space counts for a space. */
static bool matches(struct str text, size_t i, const char *word)
{
	for (; *word; word++, i++) {
		char c;

		if (i >= text.len)
			return false;
		c = lower_c(text.p[i]);
		if (c == '\n' || c == '\t')
			c = ' ';
		/* upper case of the two-byte letters used above differs in bit 5 only */
		if (c != *word && !((unsigned char)*word >= 0xa0 &&
				    (unsigned char)*word < 0xc0 && (c | 0x20) == *word))
			return false;
	}
	return true;
}

void mail_words(struct mail *m, struct str text)
{
	bool start = true;

	pthread_once(&once, chain);
	for (size_t i = 0; i < text.len; i++) {
		char c = lower_c(text.p[i]);

		bool line = i == 0 || text.p[i - 1] == '\n';

		/* Quoted lines are another's words, and so is all below such a rule. */
		if (line && str_starts(str_sub(text, i, text.len), STR("-----Original ")))
			return;
		if (line && c == '>') {
			i = MIN(text.len, str_chr(text, '\n', i));
			start = true;
			continue;
		}
		if (start)
			for (unsigned k = first[(unsigned char)c]; k; k = next[k - 1])
				if (!(m->words & 1u << table[k - 1].cls) &&
				    matches(text, i, table[k - 1].text))
					m->words |= 1u << table[k - 1].cls;
		start = !inside_word(c);
	}
}
