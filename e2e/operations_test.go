package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// faultSize is the size of the uploads that faults hit: a body takes several blocks.
const faultSize = 3<<20 + 77

// operation is one request during which a system call fails.
type operation struct {
	name string
	kind string // POST, PATCH, HEAD, GET, DELETE; finish: a PATCH with the last byte
	// prepare makes what the request needs, without a fault.
	prepare func(t *testing.T, c *tus, content []byte) (address string)
	// request is sent while a call fails.
	request func(c *tus, address string, content []byte) answer
	// acknowledged is the offset before the request, and sent the one after it if all goes well.
	acknowledged, sent int64
	unsealed           bool // the upload lost its seal, as in a power cut, before the request
	damaged            bool // its data was set aside before the request, as after a failed fsync
}

var operations = []operation{
	{
		name: "create", kind: "POST",
		prepare: func(*testing.T, *tus, []byte) string { return "" },
		request: func(c *tus, _ string, _ []byte) answer { return c.create(faultSize, nil) },
	},
	{
		name: "write", kind: "PATCH",
		prepare: received,
		request: func(c *tus, address string, content []byte) answer {
			return c.patch(address, 1000, content[1000:faultSize-1000], nil)
		},
		acknowledged: 1000, sent: faultSize - 1000,
	},
	{
		name: "finish", kind: "finish",
		prepare: func(t *testing.T, c *tus, content []byte) string {
			address := c.mustCreate(t, faultSize, nil)
			c.mustPatch(t, address, 0, content[:faultSize-1000])
			return address
		},
		request: func(c *tus, address string, content []byte) answer {
			return c.patch(address, faultSize-1000, content[faultSize-1000:], nil)
		},
		acknowledged: faultSize - 1000, sent: faultSize,
	},
	{
		name: "head", kind: "HEAD",
		prepare:      received,
		request:      func(c *tus, address string, _ []byte) answer { return c.head(address) },
		acknowledged: 1000, sent: 1000,
	},
	{
		name: "create with all data", kind: "POST",
		prepare: func(*testing.T, *tus, []byte) string { return "" },
		request: func(c *tus, _ string, content []byte) answer {
			return c.do(http.MethodPost, c.files, headers{
				"Upload-Length": fmt.Sprint(faultSize), "Content-Type": "application/offset+octet-stream",
			}, content)
		},
		sent: faultSize,
	},
	{
		name: "declare the length", kind: "finish",
		prepare: func(t *testing.T, c *tus, content []byte) string {
			address := c.mustCreate(t, -1, nil)
			c.mustPatch(t, address, 0, content[:1000])
			return address
		},
		request: func(c *tus, address string, content []byte) answer {
			return c.patch(address, 1000, content[1000:], headers{"Upload-Length": fmt.Sprint(faultSize)})
		},
		acknowledged: 1000, sent: faultSize,
	},
	{
		name: "head that finishes", kind: "HEAD",
		prepare:      whole,
		request:      func(c *tus, address string, _ []byte) answer { return c.head(address) },
		acknowledged: faultSize, sent: faultSize, unsealed: true,
	},
	{
		name: "head of a joined part", kind: "HEAD",
		prepare: func(t *testing.T, c *tus, content []byte) string {
			parts := twoParts(t, c, content)
			a := c.do(http.MethodPost, c.files, headers{"Upload-Concat": "final;" + parts}, nil)
			if a.status != http.StatusCreated {
				t.Fatalf("final POST: %v", a)
			}
			first, _, _ := strings.Cut(parts, " ")
			return first
		},
		request:      func(c *tus, address string, _ []byte) answer { return c.head(address) },
		acknowledged: partSize, sent: partSize,
	},
	{
		name: "concatenate", kind: "POST",
		prepare: twoParts,
		request: func(c *tus, parts string, _ []byte) answer {
			return c.do(http.MethodPost, c.files, headers{"Upload-Concat": "final;" + parts}, nil)
		},
		sent: faultSize,
	},
	{
		name: "delete", kind: "DELETE",
		prepare:      received,
		request:      remove,
		acknowledged: 1000, sent: 1000,
	},
	{
		name: "delete what is sealed", kind: "DELETE",
		prepare:      whole,
		request:      remove,
		acknowledged: faultSize, sent: faultSize,
	},
	{
		name: "delete what is damaged", kind: "DELETE",
		prepare: received,
		request: remove,
		damaged: true,
	},
	{
		name: "get", kind: "GET",
		prepare:      whole,
		request:      func(c *tus, address string, _ []byte) answer { return c.get(address) },
		acknowledged: faultSize, sent: faultSize,
	},
	{
		name: "get that finishes", kind: "GET",
		prepare:      whole,
		request:      func(c *tus, address string, _ []byte) answer { return c.get(address) },
		acknowledged: faultSize, sent: faultSize, unsealed: true,
	},
}

func remove(c *tus, address string, _ []byte) answer {
	return c.do(http.MethodDelete, address, nil, nil)
}

// received makes an upload of which 1000 bytes have come.
func received(t *testing.T, c *tus, content []byte) string {
	t.Helper()
	address := c.mustCreate(t, faultSize, nil)
	c.mustPatch(t, address, 0, content[:1000])
	return address
}

// whole makes a finished upload.
func whole(t *testing.T, c *tus, content []byte) string {
	t.Helper()
	address := c.mustCreate(t, faultSize, nil)
	c.mustPatch(t, address, 0, content)
	return address
}

// partSize is the size of the first of two parts.
const partSize = 1 << 20

// twoParts makes two whole parts and returns their addresses as Upload-Concat wants them.
func twoParts(t *testing.T, c *tus, content []byte) string {
	t.Helper()
	first := c.mustCreate(t, partSize, headers{"Upload-Concat": "partial"})
	c.mustPatch(t, first, 0, content[:partSize])
	second := c.mustCreate(t, faultSize-partSize, headers{"Upload-Concat": "partial"})
	c.mustPatch(t, second, 0, content[partSize:])
	return first + " " + second
}
