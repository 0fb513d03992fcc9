package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
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
	addr     string // to listen at; empty: off
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
	h.listener = &listener{tcp}
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

// stop closes the listener, waits until idle says that no request runs any more
// (or for all connections, without idle), and closes what is left.
func (h *httpServer) stop(ctx context.Context, idle func() <-chan struct{}) error {
	if h.listener == nil {
		return nil
	}
	shutting, giveUp := context.WithCancel(ctx)
	defer giveUp()
	shut := make(chan error, 1)
	go func() { shut <- h.Shutdown(shutting) }()
	err := waitFor(ctx, idle)
	last := time.NewTimer(lastAnswers)
	defer last.Stop()
	select {
	case e := <-shut:
		shut <- e
	case <-last.C:
	case <-ctx.Done():
	}
	if err == nil { // a request that net/http had read may have begun since
		err = waitFor(ctx, idle)
	}
	_ = h.Close()          // what is left never sent anything, or is past ctx
	_ = h.listener.Close() // if serve was never called
	giveUp()
	<-shut
	h.serving.Wait()
	return err
}

// waitFor waits until idle says that no request runs. Without idle it doesn't.
func waitFor(ctx context.Context, idle func() <-chan struct{}) error {
	if idle == nil {
		return nil
	}
	select {
	case <-idle():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("requests were still running: %w", ctx.Err())
	}
}
