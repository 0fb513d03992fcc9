//go:build linux || darwin

package client

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// maxUnsent is how many bytes the system may take off a request before it can send them. Left to itself it takes megabytes,
// and on a slow path nothing more for minutes: too long to tell that from a path that is dead. Limiting its whole buffer
// instead would make uploads over long distances slow.
const maxUnsent = 256 << 10

// limitUnsent is net.Dialer.Control.
func limitUnsent(_, _ string, conn syscall.RawConn) error {
	// A system that can't do it holds more back; no harm where paths are fast.
	return conn.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	})
}
