#include "cli/http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

struct http_listener {
	int fd;
	char address[HTTP_ADDRESS_MAX];
};

struct http_server {
	struct MHD_Daemon *daemon;
	const struct http_page *pages;
	size_t page_count;
	void *context;
};

/* ---- listening ------------------------------------------------------------------------------ */

bool http_address_split(const char *address, char host[HTTP_HOST_MAX], char port[8])
{
	const char *colon = strrchr(address, ':');
	if (colon == NULL)
		return false;
	const char *from = address, *to = colon;
	if (*from == '[' && to > from + 1 && to[-1] == ']') {
		from++;
		to--;
	}
	size_t len = (size_t)(to - from);
	if (len == 0 || len >= HTTP_HOST_MAX || strlen(colon + 1) == 0 || strlen(colon + 1) > 5)
		return false;
	memcpy(host, from, len);
	host[len] = '\0';
	snprintf(port, 8, "%s", colon + 1);
	return true;
}

static struct err *refused(const char *option, const char *address, const char *why)
{
	return err_new(ERR_FATAL, "HTTP_LISTEN",
		       "%s: %s can't be listened on: %s. Choose a free port of this machine",
		       option, address, why);
}

/* The socket's own idea of where it is: the port may have been 0. */
static void name_listener(struct http_listener *listener)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;
	char host[HTTP_HOST_MAX], port[8];
	CHECK(getsockname(listener->fd, (struct sockaddr *)&name, &len) == 0);
	CHECK(getnameinfo((struct sockaddr *)&name, len, host, sizeof host, port, sizeof port,
			  NI_NUMERICHOST | NI_NUMERICSERV) == 0);
	snprintf(listener->address, sizeof listener->address,
		 strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

/* A listening socket, or -1 with errno set. */
static int open_socket(const struct addrinfo *info)
{
	const int on = 1;
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			info->ai_protocol);
	if (fd < 0)
		return -1;
	/* a restarted process must not wait for its predecessor's last connections */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, HTTP_CONNECTIONS_MAX) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

struct err *http_listen(const char *option, const char *address, struct http_listener **out)
{
	char host[HTTP_HOST_MAX], port[8];
	if (!http_address_split(address, host, port))
		return refused(option, address, "it is not host:port");
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *info = NULL;
	int code = getaddrinfo(host, port, &hints, &info);
	if (code != 0)
		return refused(option, address, gai_strerror(code));
	int fd = open_socket(info);
	int why = errno;
	freeaddrinfo(info);
	if (fd < 0)
		return refused(option, address, strerror(why));
	struct http_listener *listener = check_calloc(1, sizeof *listener);
	listener->fd = fd;
	name_listener(listener);
	*out = listener;
	return NULL;
}

const char *http_listener_address(const struct http_listener *listener)
{
	return listener->address;
}

void http_listener_close(struct http_listener **listener)
{
	if (*listener == NULL)
		return;
	close((*listener)->fd);
	free(*listener);
	*listener = NULL;
}

int http_listener_take(struct http_listener **listener)
{
	int fd = (*listener)->fd;
	free(*listener);
	*listener = NULL;
	return fd;
}

/* ---- answering ------------------------------------------------------------------------------ */

/* Queues text (stolen) as the answer. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
			      char *text, size_t len)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_page(const struct http_server *server,
				   struct MHD_Connection *connection, const struct http_page *page)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	CHECK(out != NULL);
	unsigned status = page->write(server->context, out);
	CHECK(fclose(out) == 0);
	return answer(connection, status, page->type, text, len);
}

/* What there is, for those who ask for something else. */
static enum MHD_Result answer_list(const struct http_server *server,
				   struct MHD_Connection *connection, unsigned status)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	CHECK(out != NULL);
	for (size_t i = 0; i < server->page_count; i++)
		fprintf(out, "%s\n", server->pages[i].path);
	CHECK(fclose(out) == 0);
	return answer(connection, status, "text/plain; charset=utf-8", text, len);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *data, size_t *data_len, void **request)
{
	const struct http_server *server = context;
	(void)version;
	(void)data;
	(void)request;
	if (*data_len != 0)
		return MHD_NO;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_list(server, connection, MHD_HTTP_METHOD_NOT_ALLOWED);
	for (size_t i = 0; i < server->page_count; i++)
		if (strcmp(server->pages[i].path, path) == 0)
			return answer_page(server, connection, &server->pages[i]);
	return answer_list(server, connection,
			   strcmp(path, "/") == 0 ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND);
}

struct err *http_server_start(struct http_listener **listener, const struct http_page *pages,
			      size_t count, void *context, struct http_server **out)
{
	struct http_server *server = check_calloc(1, sizeof *server);
	server->pages = pages;
	server->page_count = count;
	server->context = context;
	server->daemon = MHD_start_daemon(
		MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, server,
		MHD_OPTION_LISTEN_SOCKET, (*listener)->fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)HTTP_IDLE_S_MAX, MHD_OPTION_END);
	if (server->daemon == NULL) {
		free(server);
		return err_new(ERR_FATAL, "HTTP_LISTEN", "the server at %s can't be started",
			       (*listener)->address);
	}
	free(*listener); /* the daemon closes the socket */
	*listener = NULL;
	*out = server;
	return NULL;
}

void http_server_stop(struct http_server **server)
{
	if (*server == NULL)
		return;
	MHD_stop_daemon((*server)->daemon);
	free(*server);
	*server = NULL;
}
