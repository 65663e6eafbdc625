/* paging.c - see paging.h. */
#include "paging.h"

#include <stdlib.h>
#include <string.h>

#include "kinds.h"
#include "output.h"

int
paging_start(struct cli *cli, struct paging *p)
{
	const char *limit = args_get(cli->args, "limit");

	p->left = PAGE_DEFAULT;
	p->more = p->any = false;
	if (args_has(cli->args, "all"))
		p->left = UINT64_MAX;
	if (limit != NULL &&
	    cli_number(cli, "--limit", limit, 1, UINT32_MAX, &p->left) != 0)
		return EXIT_USAGE;
	p->size = p->left < PAGE_MAX ? (uint32_t)p->left : PAGE_MAX;
	return 0;
}

bool
paging_next(struct paging *p, size_t got, const char *token)
{
	p->left -= got < p->left ? got : p->left;
	p->more = *token != '\0';
	p->any = p->any || got > 0;
	p->size = p->left < PAGE_MAX ? (uint32_t)p->left : PAGE_MAX;
	return p->more && p->left > 0;
}

void
paging_end(struct cli *cli, const struct paging *p)
{
	if (p->more && cli->format != FORMAT_JSON)
		cli_say(cli, "%s",
		    _("There is more: --all shows it, --limit N so many."));
	if (!p->any && !p->more && cli->format == FORMAT_TABLE)
		cli_say(cli, "%s", _("Nothing matches."));
}

int
paging_records(struct cli *cli, Resopro__V1__ListRequest *request)
{
	const struct kind *kind = kinds_of(request->kind);
	ProtobufCMessage *message;
	struct output *out = NULL;
	struct paging page;
	char *token = NULL;
	uint64_t revision = 0;
	bool again = true;
	int code = paging_start(cli, &page);

	while (code == 0 && again) {
		Resopro__V1__ListResponse *r;
		char *next;
		size_t i;

		request->page_size = page.size;
		code =
		    cli_call(cli, &rsp_registry_list, &request->base, &message);
		if (code != 0)
			break;
		r = (Resopro__V1__ListResponse *)message;
		if (out == NULL) {
			out = output_open(cli, kind->columns, "records");
			output_all_fields(out, &resopro__v1__record__descriptor,
			    kind->words[0]);
		}
		for (i = 0; i < r->n_records; i++)
			output_item(out, &r->records[i]->base);
		revision = r->revision;
		again = paging_next(&page, r->n_records, r->next_page_token);
		next = strdup(r->next_page_token);
		free(token);
		request->page_token = token = next;
		rsp_message_free(message);
	}
	if (out != NULL) {
		output_number(out, "revision", revision);
		if (page.more)
			output_text(out, "next_page_token", token);
		code = output_close(out) != 0 ? EXIT_INTERNAL : code;
	}
	if (code == 0)
		paging_end(cli, &page);
	free(token);
	request->page_token = NULL;
	return code;
}
