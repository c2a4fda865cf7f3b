"""DICOM: files, elements, values, characters, and what identifies a patient."""
