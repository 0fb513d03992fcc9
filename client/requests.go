package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bdragon300/tusgo"
)

const tusVersion = "1.0.0"

// errAgain keeps tusgo from sending a second PATCH of its own accord, which it does when the first got nowhere.
var errAgain = errors.New("the server took nothing")

// newRequest makes every request. The token goes to the endpoint's origin only.
func (c *Client) newRequest(method, address string, _ io.Reader, _ *tusgo.Client, _ *http.Client) (*http.Request, error) {
	req, err := http.NewRequest(method, address, nil)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if c.options.Token != "" && sameOrigin(req.URL, c.endpoint) {
		req.Header.Set("Authorization", "Bearer "+c.options.Token)
	}
	req.Header.Set("Tus-Resumable", tusVersion)
	return req, nil
}

func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		switch {
		case u.Port() != "":
			return u.Port()
		case u.Scheme == "https":
			return "443"
		}
		return "80"
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// create makes an upload and returns its absolute address.
func (c *Client) create(ctx context.Context, size int64, metadata map[string]string) (string, error) {
	encoded, err := tusgo.EncodeMetadata(metadata)
	if err != nil {
		return "", fmt.Errorf("encode the metadata: %w", err)
	}
	ctx, _, stop := watch(ctx, c.options.Stall, errSilent)
	defer stop()
	req, err := c.newRequest(http.MethodPost, c.endpoint.String(), nil, nil, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Upload-Length", strconv.FormatInt(size, 10))
	req.Header.Set("Upload-Metadata", encoded)
	resp, err := c.http.Do(req.WithContext(ctx))
	if untrusted(err) {
		return "", &RefusedError{bare(err)}
	}
	if err != nil {
		return "", reason(ctx, err)
	}
	defer resp.Body.Close()
	return c.locate(resp)
}

// locate reads where the answer to POST says that the upload is.
func (c *Client) locate(resp *http.Response) (string, error) {
	location := resp.Header.Get("Location")
	address, err := c.endpoint.Parse(location)
	if location == "" || err != nil || address.Scheme != "http" && address.Scheme != "https" || address.User != nil ||
		Printable(address.String()) != address.String() {
		return "", &protocolError{true, fmt.Errorf("%d %s to POST, with %q as Location",
			resp.StatusCode, http.StatusText(resp.StatusCode), location)}
	}
	if c.endpoint.Scheme == "https" && address.Scheme == "http" {
		return "", &RefusedError{fmt.Errorf("the server is asked by https, and says that the upload is at %s: the file would go there "+
			"unencrypted; the server has to be told that its address begins with https:// (by its settings, or by the "+
			"X-Forwarded-Proto of the proxy before it)", address)}
	}
	return address.String(), nil
}

// offset asks the server how much of the upload it has.
func (c *Client) offset(ctx context.Context, address string, size int64) (int64, error) {
	ctx, _, stop := watch(ctx, c.options.Stall, errSilent)
	defer stop()
	var u tusgo.Upload
	resp, err := c.tus.WithContext(ctx).GetUpload(&u, address)
	if err != nil {
		return 0, reason(ctx, err)
	}
	if length := resp.Header.Get("Upload-Length"); length != "" && u.RemoteSize != size {
		return 0, &protocolError{true, fmt.Errorf("the upload has %s bytes, the file %d", length, size)}
	}
	if u.RemoteOffset < 0 || u.RemoteOffset > size {
		return 0, &protocolError{true, fmt.Errorf("offset %d of %d", u.RemoteOffset, size)}
	}
	return u.RemoteOffset, nil
}

// send sends what is missing from offset on in one PATCH, and returns the offset that the server then has.
func (c *Client) send(ctx context.Context, address string, from *source, offset int64, moved func(int64)) (int64, error) {
	ctx, dog, stop := watch(ctx, c.options.Stall, errStalled)
	defer stop()
	content := &body{source: from, offset: offset, feed: dog.feed, moved: moved, all: func() {
		dog.expect(c.options.Answer, errSilent)
	}}
	tus := c.tus.WithContext(context.WithValue(ctx, bodyOf{}, content))
	asked := false
	tus.GetRequest = func(method, address string, r io.Reader, t *tusgo.Client, h *http.Client) (*http.Request, error) {
		if asked {
			return nil, errAgain
		}
		asked = true
		req, err := c.newRequest(method, address, r, t, h)
		if err == nil {
			req.ContentLength = from.size - offset
		}
		return req, err
	}
	stream := tusgo.NewUploadStream(tus, &tusgo.Upload{Location: address, RemoteSize: from.size, RemoteOffset: offset})
	stream.ChunkSize = tusgo.NoChunked
	_, err := stream.ReadFrom(content)
	if fileErr := content.stop(); fileErr != nil {
		return 0, fileErr
	}
	if err != nil {
		return 0, reason(ctx, err)
	}
	if reached := stream.Tell(); reached > offset && reached <= from.size {
		return reached, nil
	}
	return 0, &protocolError{true, fmt.Errorf("offset %d after sending %d to %d", stream.Tell(), offset, from.size)}
}

// reason is why a request failed, told the way it is classified and shown.
func reason(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e // it was answered, even if the answer's text never came to its end
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if _, ok := errors.AsType[tusgo.TusError](err); ok {
		return &protocolError{false, err}
	}
	return bare(err)
}
