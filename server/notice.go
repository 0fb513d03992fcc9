package server

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// noticeEvery is how often the log names a client at its limit. Each request that is refused has its own line at level info,
// as every request has; this one is a warning, which a flood must not repeat as often as it likes.
const noticeEvery = 10 * time.Second

// notice is the log's warning of one limit.
type notice struct {
	mu       sync.Mutex // guards what follows
	last     time.Time
	refusals int // since then
}

// refused notes a refusal, and says so if that is due. owner may be empty.
func (n *notice) refused(log *slog.Logger, limit string, client netip.Addr, owner string) {
	n.mu.Lock()
	n.refusals++
	now, count := time.Now(), n.refusals
	due := n.last.IsZero() || now.Sub(n.last) >= noticeEvery
	if due {
		n.last, n.refusals = now, 0
	}
	n.mu.Unlock()
	if due {
		log.Warn("a client is at its limit and was refused", "limit", limit, "client", client.String(), "owner", owner, "refused_since_last", count)
	}
}
