package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
)

// service takes uploads.
type service struct {
	folder    string
	maxMemory int64
	stream    bool
	publish   func(context.Context, file) error
}

// file is an upload, as the answer and the event tell of it.
type file struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// upload serves POST /upload: a form whose field "file" is the upload. It answers with a list, as Plateau does.
func (s *service) upload(w http.ResponseWriter, r *http.Request) {
	read := s.parsed
	if s.stream {
		read = s.streamed
	}
	f, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.publish(r.Context(), f); err != nil {
		log.Print(err)
		http.Error(w, "the event could not be sent", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode([]file{f}) // it fails only if the client has left
}

// parsed has the whole form read, into memory as far as it may be, before the file is written.
func (s *service) parsed(r *http.Request) (file, error) {
	if err := r.ParseMultipartForm(s.maxMemory); err != nil {
		return file{}, fmt.Errorf("read the form: %w", err)
	}
	part, header, err := r.FormFile("file")
	if err != nil {
		return file{}, fmt.Errorf("find the file in the form: %w", err)
	}
	defer part.Close()
	return s.save(header.Filename, part)
}

// streamed writes the file while the form arrives.
func (s *service) streamed(r *http.Request) (file, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return file{}, fmt.Errorf("read the form: %w", err)
	}
	var part *multipart.Part
	for part == nil || part.FormName() != "file" {
		if part, err = form.NextPart(); err != nil {
			return file{}, fmt.Errorf("find the file in the form: %w", err)
		}
	}
	return s.save(part.FileName(), part)
}

func (s *service) save(name string, content io.Reader) (f file, err error) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	f = file{ID: hex.EncodeToString(id), Name: name}
	out, err := os.Create(filepath.Join(s.folder, f.ID))
	if err != nil {
		return file{}, fmt.Errorf("make the file: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if f.Size, err = io.Copy(out, content); err != nil {
		return file{}, fmt.Errorf("write the file: %w", err)
	}
	return f, nil
}
