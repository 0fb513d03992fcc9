package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"plateau/config"
	"plateau/store"
)

// fillPause is between two tries to count what uploads occupy, while the storage is away.
const fillPause = 10 * time.Second

// newQuotas returns the ledger of the configured quotas; nil: there are none.
func newQuotas(cfg config.Config) *quotaLedger {
	limits := quotas{bytes: cfg.QuotaBytes, openBytes: cfg.QuotaOpenBytes, uploads: int64(cfg.QuotaUploads)}
	if limits == (quotas{}) {
		return nil
	}
	return newQuotaLedger(limits)
}

// accounts are what the store counts uploads by; nil: it counts none.
func (s *Server) accounts() store.Accounts {
	if s.quotas == nil {
		return nil
	}
	return s.quotas
}

// start counts what uploads occupy, in the background until stop.
func (l *quotaLedger) start(ctx context.Context, uploads walk, log *slog.Logger) {
	if l == nil {
		return
	}
	ctx, l.end = context.WithCancel(ctx)
	l.running.Go(func() { l.fillPatiently(ctx, uploads, log) })
}

// stop ends the counting and waits for its end. The storage is still needed until then.
func (l *quotaLedger) stop() {
	if l == nil || l.end == nil {
		return
	}
	l.end()
	l.running.Wait()
}

// fillPatiently fills the ledger, however long the storage is away.
func (l *quotaLedger) fillPatiently(ctx context.Context, uploads walk, log *slog.Logger) {
	begin := time.Now()
	for {
		err := l.fill(ctx, uploads)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			all, owners := l.sums()
			log.Info("quotas: what uploads occupy is counted", "bytes", all.bytes, "owners", owners, "took", time.Since(begin))
			return
		}
		log.Warn("quotas: what uploads occupy can't be counted now; until it is, more may be taken than is allowed", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(fillPause):
		}
	}
}

// quotaGauges show what the ledger counts, of all owners together.
func quotaGauges(l *quotaLedger) []prometheus.Collector {
	if l == nil {
		return nil
	}
	gauge := func(name, help string, value func() int64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	return []prometheus.Collector{
		gauge("plateau_quota_bytes", "What all uploads occupy, finished or declared; only with quotas.", func() int64 { all, _ := l.sums(); return all.bytes }),
		gauge("plateau_quota_open_bytes", "Of these, what is declared and not finished.", func() int64 { all, _ := l.sums(); return all.openBytes }),
		gauge("plateau_quota_open_uploads", "Uploads that are not finished; only with quotas.", func() int64 { all, _ := l.sums(); return all.uploads }),
		gauge("plateau_quota_owners", "Owners whose uploads occupy something; only with quotas.", func() int64 { _, owners := l.sums(); return int64(owners) }),
	}
}
