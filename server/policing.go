package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/config"
	"plateau/server/policy"
	"plateau/store"
)

// policing is which uploads may be created: what they claim to be, and what the policy
// server says of them. Nothing but a creation waits for that server.
type policing struct {
	allowed policy.Allowed
	asker   *policy.Asker // nil: nobody is asked
	open    bool          // without an answer the upload is let in
	seconds *prometheus.HistogramVec
}

func newPolicing(cfg config.Config, log *slog.Logger) (*policing, error) {
	p := &policing{
		allowed: policy.Allowed{Types: cfg.AllowTypes, Extensions: cfg.AllowExtensions},
		open:    cfg.PolicyFail == "open",
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "plateau_policy_seconds",
			Help: "How long creations waited for the policy server, by its answer: allowed, refused, failed (no answer that is one), paused (not asked after failures), canceled.",
			// From one next door to the longest timeout that clients would bear.
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"answer"}),
	}
	if cfg.PolicyURL == "" {
		return p, nil
	}
	for _, answer := range []string{"allowed", "refused", "failed", "paused", "canceled"} {
		p.seconds.WithLabelValues(answer)
	}
	var err error
	p.asker, err = policy.New(policy.Options{
		URL: cfg.PolicyURL, Timeout: cfg.PolicyTimeout, Check: checkAnswer,
		Changed: func(away bool, cause error) {
			if away {
				log.Error("the policy server gives no answers; it is asked again from time to time", "uploads_are_let_in", p.open, "error", cause)
			} else {
				log.Info("the policy server gives answers again")
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("set up the policy: %w", err)
	}
	return p, nil
}

// close gives up what is being asked. Creations that come later hear that the server stops.
func (p *policing) close() {
	if p.asker != nil {
		p.asker.Close()
	}
}

// troubles is a line for /readyz, empty if there are none.
func (p *policing) troubles() string {
	if p.asker == nil || !p.asker.Away() {
		return ""
	}
	return "policy: the server gives no answers\n"
}

// checkAnswer says why what the policy wants of an upload can't be done. Its metadata is
// held to what a client's may be.
func checkAnswer(a policy.Answer) error {
	if a.IDPrefix != "" && !store.ValidIDPrefix(a.IDPrefix) {
		return fmt.Errorf("ids can't begin with the idPrefix %.100q", a.IDPrefix)
	}
	for key := range a.Metadata {
		if !validMetadataKey(key) {
			return fmt.Errorf("%.100q can't be a key of metadata", key)
		}
	}
	if metadataSize(a.Metadata) > maxMetadata {
		return fmt.Errorf("the metadata has more than %d bytes", maxMetadata)
	}
	return nil
}

// askPolicy returns the new upload's record as the policy wants it, or why there may be no
// such upload.
func (s *Server) askPolicy(x *exchange, info handler.FileInfo) (handler.FileInfo, error) {
	p := s.policing
	x.request.IDPrefix = ""
	if !info.IsPartial {
		if why := p.allowed.Refuse(info.MetaData); why != "" {
			return info, typeNotAllowed(why)
		}
	}
	if p.asker == nil {
		return info, nil
	}
	begin := time.Now()
	// Not tusd's context, which has ended: see tusd.serve.
	answer, err := p.asker.Ask(x.Context, question(x, info))
	p.seconds.WithLabelValues(answerLabel(x.Context, answer, err)).Observe(time.Since(begin).Seconds())
	switch {
	case errors.Is(err, policy.ErrClosed):
		return info, store.ShuttingDown()
	case err != nil && (!p.open || x.Context.Err() != nil):
		away := policyAway()
		x.request.Fail(away, err)
		return info, away
	case err != nil:
		return info, nil
	case !answer.Allow:
		return info, policyRefused(answer.Status, answer.Reason)
	}
	if answer.Metadata != nil {
		info.MetaData = answer.Metadata
	}
	x.request.IDPrefix = answer.IDPrefix
	return info, nil
}

// fieldsFor returns the fields of a form that are added to what a file has. Where its claims
// were judged no field may make them anew: neither a policy that took a name away, nor the
// lists, have seen the fields.
func (p *policing) fieldsFor(file handler.MetaData, fields map[string]string) handler.MetaData {
	added := handler.MetaData(maps.Clone(fields))
	if p.asker == nil && len(p.allowed.Types) == 0 && len(p.allowed.Extensions) == 0 {
		return added
	}
	for claim, orElse := range map[string]string{"filename": "name", "filetype": "type"} {
		delete(added, claim)
		if file[claim] == "" {
			delete(added, orElse)
		}
	}
	return added
}

func question(x *exchange, info handler.FileInfo) policy.Question {
	q := policy.Question{
		Owner: x.client.owner, Admin: x.client.admin,
		Metadata: info.MetaData, Partial: info.IsPartial, Final: info.IsFinal, Parts: len(info.PartialUploads),
		Form: x.path == formPath, Client: x.address.String(),
		Asker: uint64(x.server.limiter.client(x)),
	}
	if q.Metadata == nil {
		q.Metadata = map[string]string{}
	}
	if !info.SizeIsDeferred {
		q.Size = &info.Size
	}
	return q
}

func answerLabel(client context.Context, answer policy.Answer, err error) string {
	switch {
	case errors.Is(err, policy.ErrPaused):
		return "paused"
	case errors.Is(err, policy.ErrClosed), err != nil && client.Err() != nil:
		return "canceled"
	case err != nil:
		return "failed"
	case answer.Allow:
		return "allowed"
	}
	return "refused"
}

// unpolled is a form's body that is read into memory of its own. Where a policy is asked in
// the middle of a form, the form must not hold one of the blocks meanwhile that all uploads
// share.
type unpolled struct{ io.Reader }

// Poll is part of arrivals.
func (unpolled) Poll(bool) bool { return false }

// formBody is a form's body as it is to be read.
func (p *policing) formBody(body arrivals) arrivals {
	if p.asker == nil {
		return body
	}
	return unpolled{body}
}
