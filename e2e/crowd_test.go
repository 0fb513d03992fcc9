package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// upload is one whose success a client has heard.
type upload struct {
	id      string
	way     string
	size    int64
	digest  string
	removed bool // or its removal was begun
}

func (u upload) String() string {
	return fmt.Sprintf("upload %s (%s, %d bytes, %s)", u.id, u.way, u.size, u.digest)
}

func idsOf(list []upload) (ids []string) {
	for _, u := range list {
		ids = append(ids, u.id)
	}
	return ids
}

func count[T any](list []T, which func(T) bool) (n int) {
	for _, one := range list {
		if which(one) {
			n++
		}
	}
	return n
}

// crowd are clients that upload without a pause until they are told to stop. They resume as tus-js-client does.
type crowd struct {
	ctx  context.Context
	t    *testing.T
	stop atomic.Bool // no more uploads
	gone atomic.Bool // the server does not come back
	busy sync.WaitGroup
	lost atomic.Int64 // requests that were not answered

	mu    sync.Mutex // guards what follows
	heard []upload
	begun map[string]int64 // the size of what was sent or begun to be sent, by digest
}

func (c *crowd) hasHeard() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.heard) > 0
}

// startCrowd starts n clients of the server at files. They end with end, or with the test.
func startCrowd(ctx context.Context, t *testing.T, random *rand.Rand, n int, files string) *crowd {
	c := &crowd{ctx: ctx, t: t, begun: map[string]int64{}}
	for range n {
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		c.busy.Go(func() {
			client := crowdClient{crowd: c, client: newTus(ctx, files), random: own}
			for !c.stop.Load() && !c.over() {
				client.upload()
			}
		})
	}
	t.Cleanup(func() { c.stop.Store(true); c.busy.Wait() })
	return c
}

// over says whether no client will hear of a success any more.
func (c *crowd) over() bool { return c.gone.Load() || c.ctx.Err() != nil || c.t.Failed() }

// end lets each client end its upload and returns what they have heard.
func (c *crowd) end() []upload {
	c.stop.Store(true)
	c.busy.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}

// abandon calls kill, after which no server answers any more, and returns what the clients have heard.
func (c *crowd) abandon(kill func()) []upload {
	kill()
	c.gone.Store(true)
	return c.end()
}

// removes says whether an upload has been removed, or may have been.
func (c *crowd) removes(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.heard, func(u upload) bool { return u.id == id && u.removed })
}

func (c *crowd) sent() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun
}

// crowdClient is one client of a crowd.
type crowdClient struct {
	*crowd
	client *tus
	random *rand.Rand
}

// upload makes one upload of random bytes in a random way and notes its success; now and then it removes it.
func (c crowdClient) upload() {
	content := make([]byte, c.random.Int64N([]int64{1 << 10, 8 << 10, 64 << 10, 1 << 20}[min(c.random.IntN(20)/5, 2+c.random.IntN(2))]))
	for i := range content {
		content[i] = byte(c.random.Uint32())
	}
	way := []string{"PATCH", "creation", "deferred", "final", "empty"}[c.random.IntN(5)]
	if way == "empty" {
		content = nil
	}
	u := upload{way: way, size: int64(len(content)), digest: digestOf(content)}
	c.mu.Lock()
	c.begun[u.digest] = u.size
	c.mu.Unlock()
	var address string
	switch way {
	case "PATCH":
		address = c.whole(content, headers{"Upload-Length": strconv.Itoa(len(content))})
	case "deferred":
		address = c.whole(content, headers{"Upload-Defer-Length": "1"})
	case "creation", "empty":
		address = c.creation(content)
	case "final":
		cut := len(content) / 2
		first := c.whole(content[:cut], headers{"Upload-Length": strconv.Itoa(cut), "Upload-Concat": "partial"})
		second := c.whole(content[cut:], headers{"Upload-Length": strconv.Itoa(len(content) - cut), "Upload-Concat": "partial"})
		a := c.answered(func() answer {
			return c.client.do(http.MethodPost, c.client.files, headers{"Upload-Concat": "final;" + first + " " + second}, nil)
		}, http.StatusCreated)
		address = a.header.Get("Location")
	}
	if address == "" {
		return // the test has ended
	}
	u.id = idOf(address)
	u.removed = c.random.IntN(4) > 0
	c.mu.Lock()
	c.heard = append(c.heard, u)
	c.mu.Unlock()
	if u.removed {
		// A client that removes its upload takes nothing away from the event.
		c.answered(func() answer { return c.client.do(http.MethodDelete, address, nil, nil) }, http.StatusNoContent, http.StatusNotFound, http.StatusGone)
	}
}

// creation sends all with the POST. Without its answer the client has to begin a new upload.
func (c crowdClient) creation(content []byte) (address string) {
	a := c.answered(func() answer {
		return c.client.do(http.MethodPost, c.client.files, headers{
			"Upload-Length": strconv.Itoa(len(content)), "Content-Type": "application/offset+octet-stream",
		}, content)
	}, http.StatusCreated)
	address = a.header.Get("Location")
	if address != "" && a.offset() < int64(len(content)) { // the body was cut
		return c.rest(address, content)
	}
	return address
}

// whole creates an upload and sends it by PATCHes.
func (c crowdClient) whole(content []byte, h headers) (address string) {
	h["Upload-Metadata"] = "filename " + base64.StdEncoding.EncodeToString([]byte("crowd.bin"))
	a := c.answered(func() answer { return c.client.do(http.MethodPost, c.client.files, h, nil) }, http.StatusCreated)
	if a.header.Get("Location") == "" || len(content) == 0 && h["Upload-Length"] != "" {
		return a.header.Get("Location")
	}
	return c.rest(a.header.Get("Location"), content)
}

// rest sends what is missing of an upload in chunks of random size. After a PATCH without success it asks for the offset.
func (c crowdClient) rest(address string, content []byte) string {
	size := int64(len(content))
	for {
		head := c.answered(func() answer { return c.client.head(address) }, http.StatusOK)
		if head.status == 0 {
			return ""
		}
		at, deferred := head.offset(), head.header.Get("Upload-Defer-Length") != ""
		if at == size && !deferred {
			return address
		}
		for at >= 0 && (at < size || deferred) {
			end := min(size, at+1+c.random.Int64N(max(size, 1)))
			h := headers{}
			if deferred && (end == size || c.random.IntN(2) == 0) {
				h["Upload-Length"] = strconv.FormatInt(size, 10)
			}
			a := c.client.patch(address, at, content[at:end], h)
			if a.status != http.StatusNoContent {
				c.pass(a, "PATCH")
				break
			}
			at, deferred = a.offset(), deferred && h["Upload-Length"] == ""
			if at == size && !deferred {
				return address
			}
		}
		if c.over() {
			return ""
		}
	}
}

// answered sends a request again until it is answered with one of these. It returns an empty answer when the test has ended.
func (c crowdClient) answered(request func() answer, want ...int) answer {
	for !c.over() {
		a := request()
		for _, status := range want {
			if a.err == nil && a.status == status {
				return a
			}
		}
		c.pass(a, "request")
	}
	return answer{}
}

// pass takes note of an answer that is no success. It must be one after which a client tries again.
func (c crowdClient) pass(a answer, what string) {
	switch {
	case a.err != nil:
		c.lost.Add(1)
		select { // the server is on its way back
		case <-time.After(2 * time.Millisecond):
		case <-c.ctx.Done():
		}
	case a.status == http.StatusLocked || a.status == http.StatusServiceUnavailable || a.status == http.StatusConflict:
	default:
		c.t.Errorf("a %s heard %v", what, a)
	}
}
