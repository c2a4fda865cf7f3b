"""Tags that sound carries, whatever its container: ID3, APE, Vorbis comments, RIFF INFO."""
