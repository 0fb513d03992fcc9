package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	answerSize = 64 << 10 // bytes of an answer that are read, so that its connection can be used again
	mostPause  = 30 * time.Second
)

// collector is an otlptrace.Client. OpenTelemetry's own brings all of gRPC with it, which
// OTLP over HTTP has no use for, 5 MB in the binary.
type collector struct {
	traces    string // the address that spans are posted to
	transport *http.Transport
	client    *http.Client
}

// passingError is a failure after which the same spans may be sent again.
type passingError struct {
	error
	after time.Duration // the least pause; 0: any
}

func (e *passingError) Unwrap() error { return e.error }

func newCollector(endpoint string) *collector {
	transport := &http.Transport{MaxConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	return &collector{
		traces:    tracesAddress(endpoint),
		transport: transport,
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// tracesAddress is where OTLP puts traces below an endpoint.
func tracesAddress(endpoint string) string {
	address, query, asked := strings.Cut(endpoint, "?")
	address = strings.TrimSuffix(address, "/") + "/v1/traces"
	if asked {
		address += "?" + query
	}
	return address
}

// Start is part of otlptrace.Client. It does nothing.
func (*collector) Start(context.Context) error { return nil }

// Stop is part of otlptrace.Client. It does nothing, see close.
func (*collector) Stop(context.Context) error { return nil }

// UploadTraces is part of otlptrace.Client.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// By design the same bytes as OTLP's ExportTraceServiceRequest, whose Go package needs gRPC.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode the spans: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.traces, bytes.NewReader(body))
	if err != nil {
		return errors.New("make the request") // the address may hold a secret
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := c.client.Do(r)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the address
		}
		return &passingError{error: err}
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, answerSize)
	return verdict(answer)
}

// verdict is what an answer says, by OTLP's rules.
func verdict(answer *http.Response) error {
	err := fmt.Errorf("the collector answered %d", answer.StatusCode)
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return &passingError{err, min(max(0, time.Duration(seconds)*time.Second), mostPause)}
	}
	if answer.StatusCode/100 == 2 {
		return nil
	}
	return err
}

func (c *collector) close() { c.transport.CloseIdleConnections() }
