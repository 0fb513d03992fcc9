package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/bdragon300/tusgo"
)

// tusgoUpload is a file that tusgo sends.
type tusgoUpload struct {
	files string // where uploads are created
	path  string
	// chunk is how much one request sends; tusgo.NoChunked sends the file in one request of unknown length.
	chunk int64
	// deferred says the file's length with the first bytes only.
	deferred bool
	// inCreation sends the first chunk with the POST.
	inCreation bool
}

// send uploads the file as an application would: after an error that may pass it asks where the upload stands, and goes on
// from there. tusgo itself tries nothing twice.
func (u tusgoUpload) send(ctx context.Context, transport *http.Transport) error {
	base, err := url.Parse(u.files)
	if err != nil {
		return err
	}
	file, err := os.Open(u.path)
	if err != nil {
		return err
	}
	defer file.Close()
	client := tusgo.NewClient(&http.Client{Transport: textless{transport}}, base).WithContext(ctx)
	var upload tusgo.Upload
	if err := patiently(ctx, func() (*http.Response, error) { return u.create(client, &upload, file) }); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	stream := tusgo.NewUploadStream(client, &upload)
	stream.ChunkSize, stream.SetUploadSize = u.chunk, u.deferred
	first := true
	return patiently(ctx, func() (*http.Response, error) {
		if !first {
			stream.ForceClean() // the failed chunk need not be the next
			if response, err := stream.Sync(); err != nil {
				return response, fmt.Errorf("ask for the offset: %w", err)
			}
		}
		first = false
		if stream.Tell() == stream.Len() {
			return nil, nil
		}
		if _, err := file.Seek(stream.Tell(), io.SeekStart); err != nil {
			return nil, err
		}
		stream.LastResponse = nil
		_, err := io.Copy(stream, file)
		return stream.LastResponse, err
	})
}

func (u tusgoUpload) create(client *tusgo.Client, upload *tusgo.Upload, file *os.File) (*http.Response, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	size, metadata := info.Size(), map[string]string{"filename": "tusgo.bin"}
	switch {
	case u.deferred:
		response, err := client.CreateUpload(upload, tusgo.SizeUnknown, false, metadata)
		upload.RemoteSize = size
		return response, err
	case u.inCreation || size == 0: // of an empty file CreateUpload panics
		data := make([]byte, min(size, u.chunk))
		if _, err := file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		_, response, err := client.CreateUploadWithData(upload, data, size, false, metadata)
		return response, err
	default:
		return client.CreateUpload(upload, size, false, metadata)
	}
}

// textless drops the text of errors: tusgo 0.1.2 panics on a 403, 404, 409, 410 or 413 with a text of less than 256 bytes.
type textless struct{ http.RoundTripper }

func (t textless) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		_ = response.Body.Close()
		response.Body = http.NoBody
	}
	return response, err
}

// patiently calls a step until it succeeds or fails for good.
func patiently(ctx context.Context, step func() (*http.Response, error)) error {
	for {
		response, err := step()
		if err == nil {
			return nil
		}
		if _, broken := errors.AsType[net.Error](err); !broken && (response == nil || !passing(response.StatusCode)) {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// pause is what the Go clients do before they try again.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}

// passing says whether an application that gets this status may try again.
func passing(status int) bool {
	return status == http.StatusConflict || status == http.StatusLocked || status >= http.StatusInternalServerError
}
