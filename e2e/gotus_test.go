package e2e

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"

	gotus "github.com/eventials/go-tus"
	"github.com/eventials/go-tus/memorystore"
)

// gotusUpload is a file that go-tus sends.
type gotusUpload struct {
	files    string // where uploads are created
	path     string
	chunk    int64
	override bool // POST in place of PATCH
}

// send uploads the file as an application would: go-tus remembers the upload's address in its store, and after an error that
// may pass it is asked to create or resume again. It doesn't know 423, so the application does.
func (u gotusUpload) send(ctx context.Context, transport *http.Transport) error {
	file, err := os.Open(u.path)
	if err != nil {
		return err
	}
	defer file.Close()
	store, err := memorystore.NewMemoryStore()
	if err != nil {
		return err
	}
	client, err := gotus.NewClient(u.files, &gotus.Config{
		ChunkSize: u.chunk, Resume: true, Store: store, OverridePatchMethod: u.override,
		Header: http.Header{}, HttpClient: &http.Client{Transport: cancelled{ctx, transport}},
	})
	if err != nil {
		return err
	}
	upload, err := gotus.NewUploadFromFile(file)
	if err != nil {
		return err
	}
	for {
		uploader, err := client.CreateOrResumeUpload(upload)
		if err == nil {
			err = uploader.Upload()
		}
		if err == nil {
			return nil
		}
		_, broken := errors.AsType[net.Error](err)
		refused, _ := errors.AsType[gotus.ClientError](err)
		if !broken && !errors.Is(err, gotus.ErrOffsetMismatch) && !passing(refused.Code) {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// cancelled ends the requests of a client that knows no context.
type cancelled struct {
	ctx context.Context
	http.RoundTripper
}

func (c cancelled) RoundTrip(r *http.Request) (*http.Response, error) {
	return c.RoundTripper.RoundTrip(r.WithContext(c.ctx))
}
