package s3test

import (
	"context"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"strconv"
)

// ServeHTTP takes one call. It is for the proxy's own server.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		panic(http.ErrAbortHandler)
	}
	defer p.running.Done()
	call, fault := p.take(r)
	whole := p.perform(w, r, call, fault)
	p.note(call, func(c *Call) { c.Over = true })
	if !whole {
		panic(http.ErrAbortHandler) // it closes the connection, and nothing else
	}
}

// take numbers a call, keeps it, and has its fate decided.
func (p *Proxy) take(r *http.Request) (*Call, Fault) {
	p.deciding.Lock()
	defer p.deciding.Unlock()
	call := describe(r)
	p.mu.Lock()
	p.n++
	p.nth[call.Operation]++
	call.N, call.Nth = p.n, p.nth[call.Operation]
	kept := call
	p.calls = append(p.calls, &kept)
	decide := p.decide
	p.mu.Unlock()
	if decide == nil {
		return &kept, Pass()
	}
	return &kept, decide(call)
}

// note changes a call that is kept.
func (p *Proxy) note(call *Call, change func(*Call)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(call)
}

// perform does what the fault says; false: the client's connection is to be closed.
func (p *Proxy) perform(w http.ResponseWriter, r *http.Request, call *Call, fault Fault) bool {
	for _, do := range fault.before {
		do()
	}
	body := io.Reader(r.Body)
	switch fault.kind {
	case fail:
		return p.refuse(w, r, call, fault)
	case dropBefore:
		return false
	case cutBody:
		body = io.MultiReader(io.LimitReader(r.Body, fault.bytes), broken{})
	case hangBefore:
		if !held(r.Context(), fault.release) {
			return false
		}
	}

	resp, err := p.ask(w, r, body)
	if err != nil {
		return false // as the gateway's own connection would look
	}
	defer resp.Body.Close()
	p.note(call, func(c *Call) { c.Answered = resp.StatusCode })
	for _, do := range fault.after {
		do()
	}
	switch fault.kind {
	case failAfter:
		_, err := io.Copy(io.Discard, resp.Body)
		return err == nil && p.refuse(w, r, call, fault)
	case dropAfter, cutBody:
		return false
	case hangAfter:
		if !held(r.Context(), fault.release) {
			return false
		}
	}
	maps.Copy(w.Header(), resp.Header)
	w.Header().Del("Connection") // between the gateway and here
	p.note(call, func(c *Call) { c.Heard = resp.StatusCode })
	w.WriteHeader(resp.StatusCode)
	_, err = io.Copy(prompt{w, http.NewResponseController(w)}, resp.Body)
	return err == nil
}

// prompt passes on what it is given at once.
type prompt struct {
	to      io.Writer
	control *http.ResponseController
}

func (p prompt) Write(b []byte) (int, error) {
	n, err := p.to.Write(b)
	if err == nil {
		err = p.control.Flush()
	}
	return n, err
}

// held waits for release; false: the client left, or the proxy ends.
func held(ctx context.Context, release <-chan struct{}) bool {
	select {
	case <-release:
		return true
	case <-ctx.Done():
		return false
	}
}

// refuse answers with an error as S3 words them.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, call *Call, fault Fault) bool {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return false
	}
	text, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: fault.code, Message: "This answer was chosen by a test."})
	if err != nil {
		return false
	}
	text = append([]byte(xml.Header), text...)
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	p.note(call, func(c *Call) { c.Heard = fault.status })
	w.WriteHeader(fault.status)
	if r.Method == http.MethodHead {
		return true
	}
	_, err = w.Write(text)
	return err == nil
}
