/* Two usrsctp sockets in one process and one thread, joined by two queues: what the code costs, without a network.
 *
 *   sender --conn_output--> [packets] --usrsctp_conninput--> receiver --recvv--> counted
 *          <-usrsctp_conninput- [packets] <--conn_output--
 *
 * A program of its own, because the library is C and keeps its state in globals. It is driven by lines:
 *   pair MTU WINDOW MESSAGE STREAMS     the arguments; "ready WINDOW" with the window that the library accepted
 *   N                                   on stdin: move N messages; "done SECONDS PACKETS" when all have arrived
 * The library has no callback for the packets that it reads, so each is copied into a queue once; that copy is its own
 * interface's, and is counted. Timers are run by hand where nothing moves.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <usrsctp.h>

struct packet {
    size_t length;
    unsigned char bytes[2048];
};

/* Packets that wait for the other side. */
struct queue {
    struct packet *packets;
    size_t count, capacity;
};

/* The addresses of the two ends are the queues that lead to them. */
static struct queue to_sender, to_receiver;
static uint64_t packets_sent;

static int fail(const char *what)
{
    printf("failed %s: %s\n", what, strerror(errno));
    fflush(stdout);
    exit(1);
}

static int output(void *address, void *buffer, size_t length, uint8_t tos, uint8_t set_df)
{
    /* The address is that of the end that speaks. */
    struct queue *queue = address == &to_sender ? &to_receiver : &to_sender;
    (void)tos;
    (void)set_df;
    if (length > sizeof queue->packets->bytes) {
        return EMSGSIZE;
    }
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity ? 2 * queue->capacity : 1024;
        queue->packets = realloc(queue->packets, queue->capacity * sizeof *queue->packets);
        if (!queue->packets) {
            fail("realloc");
        }
    }
    queue->packets[queue->count].length = length;
    memcpy(queue->packets[queue->count].bytes, buffer, length);
    queue->count++;
    packets_sent += queue == &to_receiver;
    return 0;
}

/* Hands what waits in `queue` to its end; what that end says meanwhile waits in the other queue. */
static size_t deliver(struct queue *queue)
{
    size_t count = queue->count;
    for (size_t at = 0; at < count; at++) {
        struct packet *packet = &queue->packets[at];
        usrsctp_conninput(queue, packet->bytes, packet->length, 0);
    }
    queue->count = 0;
    return count;
}

/* The library takes the address that a packet is handed in with for both of its ends: the ports tell them apart. */
static struct sockaddr_conn end(void *address, uint16_t port)
{
    struct sockaddr_conn end;
    memset(&end, 0, sizeof end);
    end.sconn_family = AF_CONN;
    end.sconn_port = htons(port);
    end.sconn_addr = address;
    return end;
}

static void set(struct socket *socket, int level, int name, const void *value, socklen_t length, const char *what)
{
    if (usrsctp_setsockopt(socket, level, name, value, length) < 0) {
        fail(what);
    }
}

/* The largest buffer up to `wanted` that the library accepts. */
static int buffer_of(struct socket *socket, int name, int wanted)
{
    while (wanted > 1 << 14 && usrsctp_setsockopt(socket, SOL_SOCKET, name, &wanted, sizeof wanted) < 0) {
        wanted /= 2;
    }
    return wanted;
}

static struct socket *make(void *address, uint16_t port, int streams)
{
    struct sctp_initmsg init = {.sinit_num_ostreams = (uint16_t)streams, .sinit_max_instreams = (uint16_t)streams};
    struct sockaddr_conn local = end(address, port);
    const int on = 1;
    struct socket *socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (!socket) {
        fail("socket");
    }
    usrsctp_set_non_blocking(socket, 1);
    set(socket, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on, "nodelay");
    set(socket, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init, "initmsg");
    if (usrsctp_bind(socket, (struct sockaddr *)&local, sizeof local) < 0) {
        fail("bind");
    }
    return socket;
}

static void set_mtu(struct socket *socket, struct sockaddr_conn *peer, int mtu)
{
    struct sctp_paddrparams path;
    memset(&path, 0, sizeof path);
    if (peer) {
        memcpy(&path.spp_address, peer, sizeof *peer);
    }
    path.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_DISABLE;
    path.spp_pathmtu = (uint32_t)mtu;
    set(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path, "path mtu");
}

/* Reads what is there: how many messages ended. */
static uint64_t receive(struct socket *socket, char *buffer, size_t length)
{
    uint64_t messages = 0;
    for (;;) {
        struct sctp_rcvinfo info;
        socklen_t info_length = sizeof info;
        unsigned int info_type = 0;
        int flags = 0;
        ssize_t got = usrsctp_recvv(socket, buffer, length, NULL, NULL, &info, &info_length, &info_type, &flags);
        if (got <= 0) {
            return messages;
        }
        messages += (flags & MSG_EOR) != 0;
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: pair MTU WINDOW MESSAGE STREAMS\n");
        return 2;
    }
    const int mtu = atoi(argv[1]), window = atoi(argv[2]), message = atoi(argv[3]), streams = atoi(argv[4]);
    usrsctp_init_nothreads(0, output, NULL);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_blackhole(2);
    usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
    usrsctp_register_address(&to_sender);
    usrsctp_register_address(&to_receiver);

    struct socket *sender = make(&to_sender, 5000, streams), *listener = make(&to_receiver, 5001, streams), *receiver = NULL;
    struct sockaddr_conn peer = end(&to_sender, 5001);
    const int accepted = buffer_of(listener, SO_RCVBUF, window);
    buffer_of(sender, SO_SNDBUF, 2 * (window > message ? window : message));
    set_mtu(sender, NULL, mtu);
    if (usrsctp_listen(listener, 1) < 0) {
        fail("listen");
    }
    if (usrsctp_connect(sender, (struct sockaddr *)&peer, sizeof peer) < 0 && errno != EINPROGRESS) {
        fail("connect");
    }
    for (int turn = 0; turn < 1000 && !receiver; turn++) {
        deliver(&to_receiver);
        deliver(&to_sender);
        receiver = usrsctp_accept(listener, NULL, NULL);
    }
    if (!receiver) {
        fail("accept");
    }
    usrsctp_set_non_blocking(receiver, 1);
    deliver(&to_receiver);
    deliver(&to_sender);
    set_mtu(sender, &peer, mtu);

    char *source = malloc((size_t)message), *sink = malloc((size_t)message);
    memset(source, 0x5a, (size_t)message);
    printf("ready %d\n", accepted);
    fflush(stdout);

    unsigned long long wanted;
    int stream = 0;
    while (scanf("%llu", &wanted) == 1) {
        struct timespec begin, finish;
        const uint64_t before = packets_sent;
        uint64_t sent = 0, received = 0;
        int idle = 0;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        while (received < wanted && idle < 10000) {
            while (sent < wanted) {
                struct sctp_sndinfo info;
                memset(&info, 0, sizeof info);
                info.snd_sid = (uint16_t)stream;
                info.snd_ppid = htonl(53);
                if (usrsctp_sendv(sender, source, (size_t)message, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0) < 0) {
                    break;
                }
                sent++;
                stream = (stream + 1) % streams;
            }
            size_t moved = deliver(&to_receiver);
            received += receive(receiver, sink, (size_t)message);
            moved += deliver(&to_sender);
            idle = moved ? 0 : idle + 1;
            if (!moved) {
                usrsctp_handle_timers(10);
            }
        }
        clock_gettime(CLOCK_MONOTONIC, &finish);
        if (received < wanted) {
            fail("transfer");
        }
        const double seconds = (double)(finish.tv_sec - begin.tv_sec) + 1e-9 * (double)(finish.tv_nsec - begin.tv_nsec);
        printf("done %.9f %llu\n", seconds, (unsigned long long)(packets_sent - before));
        fflush(stdout);
    }
    return 0;
}
