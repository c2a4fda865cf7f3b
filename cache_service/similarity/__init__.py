"""Pictures that look alike: perceptual hashes of what tenants have stored, kept on disk, searched in memory."""
