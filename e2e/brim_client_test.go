package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// do sends a request as its owner, and wants an answer that it may have. What ends without one is asked again by the caller.
func (c *brimClient) do(method, address string, h headers, body []byte) answer {
	all := maps.Clone(c.owner)
	if all == nil {
		all = headers{}
	}
	maps.Copy(all, h)
	a := c.client.do(method, address, all, body)
	if a.err != nil {
		c.pause()
		return a
	}
	c.brim.mu.Lock()
	c.heard[method+" "+strconv.Itoa(a.status)]++
	c.brim.mu.Unlock()
	fine := map[string][]int{
		http.MethodPost: {201, 503, 507}, http.MethodPatch: {204, 409, 423, 503, 507}, http.MethodHead: {200, 423},
		http.MethodDelete: {204, 404, 423}, http.MethodGet: {200},
	}[method]
	switch {
	case !slices.Contains(fine, a.status):
		c.t.Errorf("%s: a %s of %s heard %v", c.name, method, address, a)
	case a.status == http.StatusInsufficientStorage:
		if got := a.body[:min(len(a.body), len(c.code))]; got != c.code || a.header.Get("Retry-After") == "" {
			c.t.Errorf("%s: a %s heard %v with Retry-After %q, want %s", c.name, method, a, a.header.Get("Retry-After"), c.code)
		}
		c.noRoom()
	case a.status == http.StatusServiceUnavailable || a.status == http.StatusLocked:
		c.pause()
	}
	return a
}

// noRoom makes room if it may, or waits a little.
func (c *brimClient) noRoom() {
	c.full.Add(1)
	if c.removing.Load() {
		c.remove()
	}
	c.pause()
}

func (c *brimClient) pause() {
	select {
	case <-time.After(time.Duration(1+c.random.IntN(5)) * time.Millisecond):
	case <-c.ctx.Done():
	}
}

// remove removes an upload that the client has finished, or else one of another client with the same owner: whoever has ended already
// would keep the last from its room.
func (c *brimClient) remove() {
	gone := c.give()
	for i := 0; gone == nil && i < len(c.clients); i++ {
		if other := c.clients[i]; other != c && other.name == c.name {
			gone = other.give()
		}
	}
	if gone != nil {
		c.delete(gone.address)
	}
}

// delete removes an upload. It is there, unless an answer that was lost said that it was removed.
func (c *brimClient) delete(address string) {
	for lost := false; c.ctx.Err() == nil && !c.t.Failed(); {
		switch a := c.do(http.MethodDelete, address, nil, nil); {
		case a.err != nil:
			lost = true
		case a.status == http.StatusNoContent, a.status == http.StatusNotFound && lost:
			return
		case a.status == http.StatusNotFound:
			c.t.Errorf("%s: a DELETE of %s heard %v", c.name, address, a)
		}
	}
}

// give takes one of the finished uploads from the client's list, since it is to be removed. nil: there is none.
func (c *brimClient) give() *brimUpload {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.finished)
	if n == 0 {
		return nil
	}
	i := c.gives.IntN(n)
	gone := c.finished[i]
	c.finished = slices.Delete(c.finished, i, i+1)
	c.removed = append(c.removed, idOf(gone.address))
	return gone
}

// until sends a request again until it is answered so; without, the test has ended.
func (c *brimClient) until(method, address string, h headers, body []byte, status int) answer {
	for c.ctx.Err() == nil && !c.t.Failed() {
		if a := c.do(method, address, h, body); a.err == nil && a.status == status {
			return a
		}
	}
	return answer{}
}

// upload makes one upload in a random way.
func (c *brimClient) upload() {
	content := make([]byte, 1+c.random.IntN([]int{1 << 10, 64 << 10, c.most}[c.random.IntN(3)]))
	for i := range content {
		content[i] = byte(c.random.Uint32())
	}
	size := strconv.Itoa(len(content))
	var address string
	switch c.random.IntN(4) {
	case 0:
		address = c.whole(content, headers{"Upload-Length": size})
	case 1:
		address = c.whole(content, headers{"Upload-Defer-Length": "1"})
	case 2:
		a := c.until(http.MethodPost, c.files, headers{"Upload-Length": size, "Content-Type": "application/offset+octet-stream"}, content, 201)
		if address = a.header.Get("Location"); address != "" && a.offset() < int64(len(content)) {
			address = c.rest(&brimUpload{address: address, acked: a.offset()}, content)
		}
	case 3:
		cut := len(content) / 2
		first := c.whole(content[:cut], headers{"Upload-Length": strconv.Itoa(cut), "Upload-Concat": "partial"})
		second := c.whole(content[cut:], headers{"Upload-Length": strconv.Itoa(len(content) - cut), "Upload-Concat": "partial"})
		address = c.until(http.MethodPost, c.files, headers{"Upload-Concat": "final;" + first + " " + second}, nil, 201).header.Get("Location")
	}
	if address == "" {
		return // the test has ended
	}
	c.mu.Lock()
	c.finished = append(c.finished, &brimUpload{address: address, digest: digestOf(content)})
	c.mu.Unlock()
	c.done.Add(1)
	if c.frugal {
		c.remove()
	}
}

// whole creates an upload and sends it.
func (c *brimClient) whole(content []byte, h headers) string {
	address := c.until(http.MethodPost, c.files, h, nil, 201).header.Get("Location")
	if address == "" || len(content) == 0 && h["Upload-Length"] != "" {
		return address
	}
	return c.rest(&brimUpload{address: address}, content)
}

// rest sends what is missing of an upload, in chunks. What was acknowledged must not have to come again.
func (c *brimClient) rest(u *brimUpload, content []byte) string {
	c.mu.Lock()
	c.open = u
	c.mu.Unlock()
	defer func() { c.mu.Lock(); c.open = nil; c.mu.Unlock() }()
	size := int64(len(content))
	for {
		head := c.until(http.MethodHead, u.address, nil, nil, 200)
		if head.status == 0 {
			return ""
		}
		at, deferred := head.offset(), head.header.Get("Upload-Defer-Length") != ""
		if at < c.ackedOf(u) {
			c.t.Errorf("%s: %s is at %d, %d was acknowledged", c.name, u.address, at, u.acked)
			return ""
		}
		for at < size || deferred {
			end := min(size, at+1+c.random.Int64N(max(size, 1)))
			h := headers{"Upload-Offset": strconv.FormatInt(at, 10), "Content-Type": "application/offset+octet-stream"}
			if deferred && end == size {
				h["Upload-Length"] = strconv.FormatInt(size, 10)
			}
			a := c.do(http.MethodPatch, u.address, h, content[at:end])
			if a.err != nil || a.status != http.StatusNoContent {
				break
			}
			at, deferred = a.offset(), deferred && h["Upload-Length"] == ""
			c.acknowledge(u, at)
		}
		if at == size && !deferred {
			return u.address
		}
	}
}

func (c *brimClient) ackedOf(u *brimUpload) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return u.acked
}

func (c *brimClient) acknowledge(u *brimUpload, at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u.acked = at
}
