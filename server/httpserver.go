package server

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// lastAnswers is how long Stop waits for connections after the last request has
// ended: net/http holds one that was cut for 0.5 s, so that its answer isn't
// reset, and would wait 5 s for one that never sent anything.
const lastAnswers = time.Second

// httpServer is an http.Server and its one listener.
type httpServer struct {
	*http.Server
	addr     string   // to listen at; empty: off
	limiter  *limiter // of its connections; nil: none
	listener *listener
	serving  sync.WaitGroup
}

// listen binds the address.
func (h *httpServer) listen(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", h.addr)
	if err != nil {
		return err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return errors.Join(fmt.Errorf("%s is not a TCP address", h.addr), l.Close())
	}
	h.listener = &listener{TCPListener: tcp, limiter: h.limiter}
	return nil
}

// bound is the address that was bound, or empty.
func (h *httpServer) bound() string {
	if h.listener == nil {
		return ""
	}
	return h.listener.Addr().String()
}

// serve serves in the background and says on failed if it can't go on.
func (h *httpServer) serve(failed chan<- error) {
	if h.listener == nil {
		return
	}
	h.serving.Go(func() {
		var err error
		if h.TLSConfig != nil {
			err = h.ServeTLS(h.listener, "", "")
		} else {
			err = h.Serve(h.listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve %s: %w", h.bound(), err)
		}
	})
}

// stop closes the listener, waits until idle says that no request runs any
// more, and closes what is left.
func (h *httpServer) stop(ctx context.Context, idle func() <-chan struct{}) error {
	if h.listener == nil {
		return nil
	}
	shutting, giveUp := context.WithCancel(ctx)
	shut := make(chan struct{})
	go func() {
		defer close(shut)
		_ = h.Shutdown(shutting) // says only that it was given up
	}()
	err := waitFor(ctx, idle)
	last := time.NewTimer(lastAnswers)
	defer last.Stop()
	select {
	case <-shut:
	case <-last.C:
	case <-ctx.Done():
	}
	if err == nil { // a request that net/http had read may have begun since
		err = waitFor(ctx, idle)
	}
	h.close()
	giveUp()
	<-shut
	return err
}

// close closes the listener and all connections at once.
func (h *httpServer) close() {
	if h.listener == nil {
		return
	}
	h.listener.hurry.Store(true)
	_ = h.Close()          // what is left never sent anything, or is to be cut
	_ = h.listener.Close() // if serve was never called
	h.serving.Wait()
}

// waitFor waits until idle says that no request runs.
func waitFor(ctx context.Context, idle func() <-chan struct{}) error {
	select {
	case <-idle():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("requests were still running: %w", ctx.Err())
	}
}

// connectionLog is what net/http logs of its connections. Running out of
// descriptors is the operator's concern; a client that doesn't speak TLS isn't.
func connectionLog(log *slog.Logger) *stdlog.Logger {
	return stdlog.New(connectionLines{log}, "", 0)
}

type connectionLines struct{ log *slog.Logger }

// Write is io.Writer; net/http writes a line at a time.
func (c connectionLines) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := slog.LevelWarn
	if strings.Contains(text, "TLS handshake error") || strings.Contains(text, "http2:") {
		level = slog.LevelDebug
	}
	c.log.Log(context.Background(), level, "connection", "error", text)
	return len(line), nil
}
