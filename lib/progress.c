/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <linux/tcp.h> /* glibc's struct tcp_info ends earlier */

uint64_t gdwsi_progress_arrived(int descriptor)
{
    struct tcp_info facts;
    socklen_t length = sizeof(facts);
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &facts, &length) != 0 ||
        length < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(facts.tcpi_bytes_acked)) {
        return 0;
    }
    return facts.tcpi_bytes_acked;
}

size_t gdwsi_progress_held(int descriptor)
{
    int bytes = 0;
    return ioctl(descriptor, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}
