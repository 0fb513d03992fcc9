package client

import (
	"bytes"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	dialTimeout   = 15 * time.Second
	maxRetryAfter = 5 * time.Minute // however long the server asks for
	maxText       = 200             // bytes of an error answer that are shown
)

// transport turns answers that are no success into a [StatusError], so that nobody has to look at a status any more, and
// takes off the rest what tusgo is too strict about.
type transport struct{ http.Transport }

func newTransport() *transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // one upload needs no more, and its end is a connection's end
	return &transport{http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout, Control: limitUnsent}).DialContext,
		TLSHandshakeTimeout: dialTimeout,
		DisableCompression:  true,
		// A connection that died unnoticed costs a POST whose fate is unknown.
		IdleConnTimeout: 5 * time.Second,
		Protocols:       protocols,
	}}
}

// bodyOf is the key of a context for the body of its PATCH. What tusgo puts around a body counts its bytes, and is looked at
// while net/http still reads it.
type bodyOf struct{}

// RoundTrip is http.RoundTripper, save that an answer outside of 2xx is an error.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if content, ok := req.Context().Value(bodyOf{}).(*body); ok {
		req = req.WithContext(req.Context()) // a copy
		req.Body = io.NopCloser(content)
	}
	resp, err := t.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, &StatusError{
			Method:     req.Method,
			Status:     resp.StatusCode,
			Text:       plainText(resp),
			Location:   Printable(resp.Header.Get("Location")),
			RetryAfter: retryAfter(resp.Header.Get("Retry-After")),
			Unauthorized: resp.StatusCode == http.StatusUnauthorized ||
				strings.Contains(resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`),
		}
	}
	switch req.Method { // tusgo knows one success each, and the protocol doesn't
	case http.MethodHead:
		resp.StatusCode = http.StatusOK
	case http.MethodPatch:
		resp.StatusCode = http.StatusNoContent
	}
	resp.Header.Del("Upload-Metadata") // it fails at a key without a value
	resp.Header.Del("Upload-Expires")  // and at a date in another form
	return resp, nil
}

// plainText is the first line of a plain text answer: pages for people are of no use here.
func plainText(resp *http.Response) string {
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/plain" {
		return ""
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxText)) // as much as came
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return Printable(string(line))
}

// Printable replaces what could play tricks on a terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

func retryAfter(text string) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = max(0, time.Until(at))
	}
	return min(wait, maxRetryAfter)
}
