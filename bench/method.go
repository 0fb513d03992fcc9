package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// method is a way to upload a file: its whole request, which several clients may send at once, and what the answer must be.
type method struct {
	request []byte
	// answered reads the answer, and returns the id of the upload, under which its file lies in the server's folder.
	answered func(*client) (id string, err error)
}

// byTus is a creation with the whole upload in it.
func byTus(addr string, content []byte) method {
	return method{createWithUpload(addr, content), func(c *client) (string, error) {
		a, err := c.read()
		return idOf(a.location), expect(a, err, 201, int64(len(content)))
	}}
}

// byForm is a form with a field before the file, as browsers and curl send it.
func byForm(addr string, content []byte) method {
	const boundary = "------------------------d74496d66958873e"
	var body bytes.Buffer
	body.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nmeasured\r\n")
	body.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"measurement-0001.bin\"\r\n" +
		"Content-Type: application/octet-stream\r\n\r\n")
	body.Write(content)
	body.WriteString("\r\n--" + boundary + "--\r\n")
	head := "POST /upload HTTP/1.1\r\nHost: " + addr + "\r\n" + tusHeaders +
		"Content-Type: multipart/form-data; boundary=" + boundary + "\r\nContent-Length: " + strconv.Itoa(body.Len()) + "\r\n\r\n"
	return method{append([]byte(head), body.Bytes()...), func(c *client) (string, error) {
		a, body, err := c.readBody()
		if err != nil {
			return "", err
		}
		return stored(a, body, int64(len(content)))
	}}
}

// stored is the id of the only file that the answer to a form lists.
func stored(a answer, body []byte, size int64) (string, error) {
	if a.status != 201 || a.close {
		return "", fmt.Errorf("answer %d (ends the connection: %t), not 201: %s", a.status, a.close, body)
	}
	var files []struct {
		ID   string `json:"id"`
		Size int64  `json:"size"`
	}
	if err := json.Unmarshal(body, &files); err != nil {
		return "", fmt.Errorf("understand the answer %q: %w", body, err)
	}
	if len(files) != 1 || files[0].ID == "" || files[0].Size != size {
		return "", fmt.Errorf("the answer is %s, not one file of %d bytes", body, size)
	}
	return files[0].ID, nil
}
