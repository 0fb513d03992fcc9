package e2e

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// crashSize is the size of what is uploaded while the server is killed: several blocks; smallCrash is that of what goes through the
// journal. Of a PATCH's upload, the first half was acknowledged before.
const (
	crashSize  = 2<<20 + 77
	smallCrash = 5_000
)

func half(content []byte) int64 { return int64(len(content) / 2) }

func sizeOf(content []byte) string { return strconv.Itoa(len(content)) }

// finishWay is one way to finish an upload.
type finishWay struct {
	name string
	// small uploads go through the journal.
	small bool
	// prepare makes what the request needs and returns its address, or those of the parts; empty: the request creates all.
	prepare func(t *testing.T, c *tus, content []byte) (address string)
	// send is the request that finishes the upload.
	send func(c *tus, address string, content []byte) answer
	// resume goes on after the server was killed, as tus-js-client does, until a success is heard.
	resume func(c *crash, client *tus, address string, content []byte) answer
}

// finishWays are all that there are.
var finishWays = []finishWay{
	{name: "the last PATCH", prepare: firstHalf, send: secondHalf, resume: resumeAt},
	{name: "the last PATCH of a small upload", small: true, prepare: firstHalf, send: secondHalf, resume: resumeAt},
	{name: "creation with upload", prepare: nothing, send: createWhole, resume: sendAgain},
	{name: "creation with a small upload", small: true, prepare: nothing, send: createWhole, resume: sendAgain},
	{
		name: "a concatenation",
		prepare: func(t *testing.T, c *tus, content []byte) string {
			partial := headers{"Upload-Concat": "partial"}
			first, second := c.mustCreate(t, half(content), partial), c.mustCreate(t, int64(len(content))-half(content), partial)
			c.mustPatch(t, first, 0, content[:half(content)])
			c.mustPatch(t, second, 0, content[half(content):])
			return first + " " + second
		},
		send: func(c *tus, parts string, _ []byte) answer {
			return c.do(http.MethodPost, c.files, headers{"Upload-Concat": "final;" + parts}, nil)
		},
		resume: sendAgain,
	},
	{name: "a form", prepare: nothing, send: sendForm, resume: sendAgain},
	{name: "a form with a small file", small: true, prepare: nothing, send: sendForm, resume: sendAgain},
	{
		name:    "an empty upload",
		prepare: nothing,
		send:    func(c *tus, _ string, _ []byte) answer { return c.create(0, nil) },
		resume:  sendAgain,
	},
	{
		name: "a length declared last",
		prepare: func(t *testing.T, c *tus, content []byte) string {
			address := c.mustCreate(t, -1, nil)
			c.mustPatch(t, address, 0, content[:half(content)])
			return address
		},
		send: func(c *tus, address string, content []byte) answer {
			return c.patch(address, half(content), content[half(content):], headers{"Upload-Length": sizeOf(content)})
		},
		resume: resumeAt,
	},
}

func firstHalf(t *testing.T, c *tus, content []byte) string {
	address := c.mustCreate(t, int64(len(content)), nil)
	c.mustPatch(t, address, 0, content[:half(content)])
	return address
}

func secondHalf(c *tus, address string, content []byte) answer {
	return c.patch(address, half(content), content[half(content):], nil)
}

func createWhole(c *tus, _ string, content []byte) answer {
	return c.do(http.MethodPost, c.files, headers{
		"Upload-Length": sizeOf(content), "Content-Type": "application/offset+octet-stream",
	}, content)
}

func sendForm(c *tus, _ string, content []byte) answer {
	form := slices.Concat([]byte("--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"), content, []byte("\r\n--B--\r\n"))
	return c.do(http.MethodPost, strings.TrimSuffix(c.files, "files/")+"upload", headers{"Content-Type": "multipart/form-data; boundary=B"}, form)
}

func nothing(*testing.T, *tus, []byte) string { return "" }

// resumeAt asks for the offset and sends the rest from there.
func resumeAt(c *crash, client *tus, address string, content []byte) answer {
	c.t.Helper()
	var head answer
	await(c.ctx, c.t, "HEAD says the offset", func() bool {
		head = client.head(address)
		return head.status != http.StatusLocked // while the upload is being finished
	})
	if head.status != http.StatusOK || head.offset() < half(content) || head.offset() > int64(len(content)) {
		c.t.Errorf("HEAD: %v with offset %d; %d bytes had been acknowledged", head, head.offset(), half(content))
		return head
	}
	length := headers{}
	if head.header.Get("Upload-Defer-Length") != "" {
		length["Upload-Length"] = sizeOf(content)
	}
	if head.offset() == int64(len(content)) && len(length) == 0 {
		return head
	}
	return client.patch(address, head.offset(), content[head.offset():], length)
}

// sendAgain sends the request once more, as a client must that does not know the address of what it created. Of a final it
// does so twice: each time the same upload is to be named.
func sendAgain(c *crash, client *tus, address string, content []byte) answer {
	c.t.Helper()
	a := c.way.send(client, address, content)
	if a.status != http.StatusCreated {
		c.t.Errorf("the POST sent again: %v", a)
	}
	if strings.Contains(address, " ") {
		again := c.way.send(client, address, content)
		if first, second := a.header.Get("Location"), again.header.Get("Location"); again.status != http.StatusCreated || first != second {
			c.t.Errorf("the final posted a third time: %v at %s, want 201 at %s", again, second, first)
		}
	}
	return a
}
