// Uploads a photo in chunks and prints its camera: go run ./cmd/photo PHOTO [HOST:PORT]
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	extractorv1 "github.com/metaextract/metaextract/clients/go/gen/metaextract/extractor/v1"
)

const chunkBytes = 1024 * 1024

func main() {
	address := "127.0.0.1:50051"
	if value := os.Getenv("METAEXTRACT_EXTRACTOR_ADDRESS"); value != "" {
		address = value
	}
	if len(os.Args) > 2 {
		address = os.Args[2]
	}
	if len(os.Args) < 2 {
		log.Fatal("usage: photo PHOTO [HOST:PORT]")
	}
	camera, err := describe(os.Args[1], address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(camera)
}

func describe(path, address string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	stream, err := extractorv1.NewExtractorServiceClient(connection).ExtractUpload(ctx)
	if err != nil {
		return "", err
	}
	header := &extractorv1.UploadHeader{Name: filepath.Base(path)}
	err = stream.Send(&extractorv1.ExtractUploadRequest{Part: &extractorv1.ExtractUploadRequest_Header{Header: header}})
	buffer := make([]byte, chunkBytes)
	for err == nil {
		count, readErr := file.Read(buffer)
		if count > 0 {
			err = stream.Send(&extractorv1.ExtractUploadRequest{
				Part: &extractorv1.ExtractUploadRequest_Data{Data: buffer[:count]},
			})
		}
		if errors.Is(readErr, io.EOF) {
			break
		}
		if readErr != nil {
			return "", readErr
		}
	}
	// io.EOF from Send means that the server has already answered; CloseAndRecv tells what.
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	response, err := stream.CloseAndRecv()
	if err != nil {
		return "", err
	}
	common := response.GetDocument().GetCommon()
	return common.GetDeviceMake() + " | " + common.GetDeviceModel(), nil
}
