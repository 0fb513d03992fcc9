package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	webhookAtOnce  = 8        // requests
	webhookAnswer  = 64 << 10 // bytes of an answer that are read, so that its connection can be used again
	webhookGiveUp  = 8        // requests without an answer, after which the rest of a call isn't tried
	webhookTimeout = 10 * time.Second
)

// WebhookOptions are what a Webhook needs. The zero value of a field with a
// default means the default.
type WebhookOptions struct {
	// URL gets a POST for each event: http or https, without a user, since it
	// stands in logs. Required.
	URL string
	// Secret signs the requests; empty: they are not signed.
	Secret string
	// TLS is for https. Default: the system's certificates.
	TLS *tls.Config
	// Timeout is how long one request may take. Default 10 s.
	Timeout time.Duration
}

// Validate reports everything that is wrong with the options.
func (o WebhookOptions) Validate() error {
	var errs []error
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		errs = append(errs, errors.New("webhook: URL can't be understood")) // it may hold a secret
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		errs = append(errs, errors.New("webhook: URL is not http://… or https://…"))
	case u.User != nil:
		errs = append(errs, errors.New("webhook: URL has a user in it, which would stand in logs"))
	}
	if o.Timeout < 0 {
		errs = append(errs, errors.New("webhook: Timeout is negative"))
	}
	return errors.Join(errs...)
}

// Webhook posts events in CloudEvents' HTTP binary mode, some at a time: an
// upload has one event, so there is no order to keep. It follows no redirect
// and asks no proxy.
//
// A 2xx acknowledges. A 401, 403, 404 or a redirect is for the operator; any
// other 4xx but 408 and 429 rejects that event; everything else will pass.
// Retry-After is not read: the relay's own pauses are longer than most.
type Webhook struct {
	opts      WebhookOptions
	transport *http.Transport
	client    *http.Client
}

// NewWebhook returns a sink that has not connected yet.
func NewWebhook(opts WebhookOptions) (*Webhook, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if opts.Timeout == 0 {
		opts.Timeout = webhookTimeout
	}
	transport := &http.Transport{
		TLSClientConfig:     opts.TLS,
		MaxConnsPerHost:     webhookAtOnce,
		MaxIdleConnsPerHost: webhookAtOnce,
		IdleConnTimeout:     time.Minute,
		ForceAttemptHTTP2:   true,
	}
	return &Webhook{opts: opts, transport: transport, client: &http.Client{
		Transport:     transport,
		Timeout:       opts.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Send is part of Sink.
func (w *Webhook) Send(ctx context.Context, events []Event) []error {
	errs := make([]error, len(events))
	var next, silent atomic.Int64
	var failed atomic.Bool
	var posts sync.WaitGroup
	for range min(webhookAtOnce, len(events)) {
		posts.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(events) {
					return
				}
				if silent.Load() >= webhookGiveUp {
					errs[i] = errors.New("not tried, since nobody answers")
				} else {
					var answered bool
					if answered, errs[i] = w.post(ctx, events[i]); answered {
						silent.Store(0)
					} else {
						silent.Add(1)
					}
				}
				if errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	posts.Wait()
	if !failed.Load() {
		return nil
	}
	return errs
}

// post sends one event; answered says whether there was an answer at all.
func (w *Webhook) post(ctx context.Context, e Event) (answered bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.opts.URL, bytes.NewReader(e.Data))
	if err != nil {
		return false, fmt.Errorf("%w: make the request: %w", ErrPoison, err)
	}
	for _, a := range e.Attributes() {
		r.Header.Set("ce-"+a.Name, headerValue(a.Value))
	}
	r.Header.Set("Content-Type", ContentType)
	if w.opts.Secret != "" {
		r.Header.Set("X-Signature", signature(w.opts.Secret, time.Now(), e))
	}
	answer, err := w.client.Do(r)
	if err != nil {
		err = withoutURL(err)
		if unverified(err) {
			return false, fmt.Errorf("%w: %w", ErrOperator, err)
		}
		return false, fmt.Errorf("post the event: %w", err)
	}
	// The connection is used again if the answer is short.
	_, _ = io.CopyN(io.Discard, answer.Body, webhookAnswer)
	answer.Body.Close()
	return true, verdict(answer.StatusCode)
}

// verdict is what an answer's status says about the event.
func verdict(status int) error {
	err := fmt.Errorf("the receiver answered %d", status)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return err
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound, status < 400:
		return fmt.Errorf("%w: %w", ErrOperator, err)
	}
	return fmt.Errorf("%w: %w", ErrRejected, err)
}

// signature is "t=<unix>,v1=<hex>": the HMAC-SHA256 of "<unix>.<ce-id>.<body>".
func signature(secret string, at time.Time, e Event) string {
	unix := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(mac, unix+"."+e.ID+".") // a hash never fails
	_, _ = mac.Write(e.Data)
	return "t=" + unix + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// headerValue encodes what can't stand in a header, as CloudEvents' HTTP binding
// says (section 3.1.3.2).
func headerValue(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// withoutURL takes the address out of an error, since its query may be secret.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// unverified reports whether the receiver's certificate is not trusted.
func unverified(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// Close is part of Sink. The relay has ended, so that no request runs.
func (w *Webhook) Close(context.Context) error {
	w.transport.CloseIdleConnections()
	return nil
}
