package server

import (
	"net"
	"net/http"
	"testing"
	"time"
)

// A request may have been read by net/http, and not be counted yet, when stop
// asks whether any runs. It is waited for all the same.
func TestStopWaitsForARequestThatJustBegan(t *testing.T) {
	var active activity
	asked, arrived, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	early := make(chan bool, 1)
	h := &httpServer{addr: "127.0.0.1:0", Server: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-asked
		active.begin()
		defer active.end()
		select {
		case <-returned:
			early <- true
		case <-time.After(lastAnswers + 200*time.Millisecond):
			early <- false
		}
	})}}
	if err := h.listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.serve(make(chan error, 1))
	c, err := net.Dial("tcp", h.bound())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-arrived
	first := true
	err = h.stop(t.Context(), func() <-chan struct{} {
		idle := active.idle()
		if first {
			first = false
			close(asked)
		}
		return idle
	})
	close(returned)
	if err != nil {
		t.Errorf("stop: %v", err)
	}
	if <-early {
		t.Error("stop returned while a request ran")
	}
}
