package e2e

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"testing"
)

// goClient is a client library in Go that runs inside the test.
type goClient struct {
	done chan struct{}
	err  error // read it after done
}

// startGo runs a client with connections of its own. The test's end ends it.
func startGo(ctx context.Context, t *testing.T, send func(context.Context, *http.Transport) error) *goClient {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	c := &goClient{done: make(chan struct{})}
	transport := &http.Transport{}
	t.Cleanup(func() {
		cancel()
		transport.CloseIdleConnections()
		<-c.done
	})
	go func() {
		defer close(c.done)
		defer func() {
			if cause := recover(); cause != nil {
				c.err = fmt.Errorf("the client panicked: %v\n%s", cause, debug.Stack())
			}
		}()
		c.err = send(ctx, transport)
	}()
	return c
}

// wait returns when the client has ended, and fails the test unless it succeeded.
func (c *goClient) wait(ctx context.Context, t *testing.T) {
	t.Helper()
	select {
	case <-c.done:
	case <-ctx.Done():
		t.Fatalf("the client did not end: %v", context.Cause(ctx))
	}
	if c.err != nil {
		t.Fatalf("the client failed: %v", c.err)
	}
}

// ended says whether the client is through, one way or the other.
func (c *goClient) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}
