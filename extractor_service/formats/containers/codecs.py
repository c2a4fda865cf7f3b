"""Names of codecs, by the codes that containers have for them; ffprobe's names (ffmpeg.org, libavcodec), which people know."""

from __future__ import annotations

import re

# RFC 2361 and Microsoft's mmreg.h.
WAVE_FORMATS = {
    0x02: "adpcm_ms", 0x06: "pcm_alaw", 0x07: "pcm_mulaw", 0x11: "adpcm_ima_wav", 0x16: "adpcm_g723", 0x20: "adpcm_yamaha",
    0x22: "truespeech", 0x31: "gsm_ms", 0x32: "gsm_ms", 0x45: "adpcm_g726", 0x50: "mp2", 0x55: "mp3", 0x57: "amr_nb", 0x58: "amr_wb",
    0x69: "adpcm_ima_ws", 0x75: "metasound", 0xFF: "aac", 0x111: "adpcm_vima", 0x130: "sipr", 0x160: "wmav1", 0x161: "wmav2",
    0x162: "wmapro", 0x163: "wmalossless", 0x165: "xma1", 0x166: "xma2", 0x200: "adpcm_ct", 0x270: "atrac3", 0x401: "imc",
    0x706D: "aac", 0x1600: "aac", 0x1602: "aac_latm", 0x2000: "ac3", 0x2001: "dts", 0x2048: "sonic", 0x674F: "vorbis", 0x6771: "vorbis",
    0x704F: "opus", 0xA109: "speex", 0xF1AC: "flac", 0x594A: "xan_dpcm", 0x729A: "g729", 0x0A: "wmavoice",
}  # fmt: skip
# Four letters of AVI, ASF and QuickTime; the last also has those of ISO/IEC 14496-12 (mp4ra.org).
_FOURCC = {
    "h264": "h264 avc1 avc2 avc3 avc4 x264 davc dvav dva1 vssh ai5p ai5q ai12 ai15 ai1p ai1q sava qvid ai52 ai53 ai55 ai56",
    "hevc": "hevc hvc1 hev1 hev2 hvc2 x265 dvh1 dvhe h265", "vvc": "vvc1 vvi1", "av1": "av01 dav1", "vp9": "vp90 vp09", "vp8": "vp80 vp08",
    "mpeg4": "mp4v xvid divx dx50 fmp4 m4s2 mp4s div1 blz0 ump4 wv1f 3iv2 rmp4 sedg uldx geox dm4v smp4 vidm wawv lmp4", "msmpeg4v3": "div3 div4 div5 div6 mp43 mpg3 ap41 col0 col1 3ivd 3ivx",
    "msmpeg4v2": "mp42 div2", "msmpeg4v1": "mp41 mpg4", "h263": "h263 s263 u263 x263 viv1 d263 l263", "wmv1": "wmv1", "wmv2": "wmv2 gxve", "wmv3": "wmv3", "vc1": "wvc1 wmva vc-1",
    "mjpeg": "mjpg jpeg mjpa dmb1 ljpg ijpg jpgl avrn acdv qivg avdj mjls amvv", "mjpegb": "mjpb", "prores": "apch apcn apcs apco ap4h ap4x aprn aprh",
    "dnxhd": "avdn avdh", "cfhd": "cfhd", "dvvideo": "dvsd dvhd dvsl dv25 dv50 dvc  dvcp dvpp dv5p dv5n dvhp dvhq dvh5 dvh6 dvh3 dvh2 dvis cdvc cdv5 avd1",
    "mpeg1video": "m1v  mpg1 pim1 m1v1 mpeg", "mpeg2video": "m2v1 mpg2 mp2v mmes m701 hdv1 hdv2 hdv3 hdv4 hdv5 hdv6 hdv7 hdv8 hdv9 xdv1 xdv2 xdv3 xdv4 xdv5 xdv6 xdv7 xdv8 xdv9 xdva xdvb xdvc xdvd xdve xdvf xd50 xd51 xd54 xd55 xd59 xd5a xd5b xd5c xd5d xd5e xd5f mx5p mx5n mx4p mx4n mx3p mx3n",
    "flv1": "flv1", "theora": "theo", "ffv1": "ffv1", "huffyuv": "hfyu", "ffvhuff": "ffvh", "utvideo": "ulra ulrg uly0 uly2 uly4 ulh0 ulh2", "cinepak": "cvid", "indeo3": "iv31 iv32",
    "indeo4": "iv41", "indeo5": "iv50", "svq1": "svq1 svqi", "svq3": "svq3", "h261": "h261", "qtrle": "rle ", "8bps": "8bps", "smc": "smc ", "rpza": "rpza azpr", "png": "png  mpng",
    "gif": "gif ", "tiff": "tiff", "jpeg2000": "mjp2 mj2c", "rawvideo": "raw  2vuy yuv2 yuvs uyvy yuy2 i420 iyuv yv12 nv12 y800 y8   yv16 yvyu dib  bgr  dvoo", "v210": "v210", "v308": "v308", "v408": "v408", "v410": "v410",
    "msrle": "mrle", "msvideo1": "cram msvc wham", "tscc": "tscc", "lagarith": "lags", "fraps": "fps1", "magicyuv": "magy m8rg", "hap": "hap1 hap5 hapy", "snow": "snow", "dirac": "drac bbcd", "speedhq": "shq0 shq1 shq2",
    "aac": "mp4a aac  aacp enca", "alac": "alac", "mp3": ".mp3 mp3  lame", "mp2": ".mp2", "mp1": ".mp1", "ac3": "ac-3 sac3", "eac3": "ec-3", "ac4": "ac-4", "dts": "dtsc dtsh dtsl dtse dtsx",
    "opus": "opus", "flac": "flac", "amr_nb": "samr", "amr_wb": "sawb", "qcelp": "sqcp qclp", "evrc": "sevc", "qdm2": "qdm2", "qdmc": "qdmc", "mace3": "mac3", "mace6": "mac6", "adpcm_ima_qt": "ima4", "gsm": "agsm", "truehd": "mlpa",
    "pcm_alaw": "alaw", "pcm_mulaw": "ulaw", "pcm_s16be": "twos", "pcm_s16le": "sowt", "pcm_s24be": "in24", "pcm_s32be": "in32", "pcm_f32be": "fl32", "pcm_f64be": "fl64", "vorbis": "vorb", "speex": "spex", "g719": "g719",
    "mov_text": "tx3g text", "subrip": "s_text/utf8", "eia_608": "c608", "eia_708": "c708", "webvtt": "wvtt", "ttml": "stpp dfxp", "dvd_subtitle": "mp4s", "bin_data": "gpmd camm", "smpte_klv": "klv ",
}  # fmt: skip
FOURCC = {code.ljust(4): name for name, codes in _FOURCC.items() for code in re.findall(r"\S+", codes)}

_OBJECT_TYPES = {
    0x20: "mpeg4", 0x21: "h264", 0x23: "hevc", 0x40: "aac", 0x60: "mpeg2video", 0x61: "mpeg2video", 0x62: "mpeg2video", 0x63: "mpeg2video",
    0x64: "mpeg2video", 0x65: "mpeg2video", 0x66: "aac", 0x67: "aac", 0x68: "aac", 0x69: "mp3", 0x6A: "mpeg1video", 0x6B: "mp3", 0x6C: "mjpeg",
    0x6D: "png", 0x6E: "jpeg2000", 0xA3: "vc1", 0xA4: "dirac", 0xA5: "ac3", 0xA6: "eac3", 0xA9: "dts", 0xAC: "dts", 0xAD: "opus", 0xB1: "vp9",
    0xC1: "flac", 0xDD: "vorbis", 0xDE: "dvd_subtitle", 0xE0: "dvd_subtitle", 0xE1: "qcelp",
}  # fmt: skip

AAC_SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Hz, by index (14496-3, table 1.18)."""
AAC_PROFILES = {
    1: "Main",
    2: "LC",
    3: "SSR",
    4: "LTP",
    5: "HE-AAC",
    29: "HE-AACv2",
    23: "LD",
    39: "ELD",
    42: "xHE-AAC",
}
"""By audio object type, as ffprobe has them."""


def by_fourcc(code: str) -> str:
    """The codec of a four-letter code; the code itself in small letters where it isn't known, "" for none."""
    code = code.strip("\0").lower()
    if not code.strip():
        return ""
    return FOURCC.get(code.ljust(4)) or code.strip()


def by_object_type(kind: int) -> str:
    """The codec of an MPEG-4 object type (ISO/IEC 14496-1, table 5; mp4ra.org); "" where it isn't known."""
    return _OBJECT_TYPES.get(kind, "")


def by_wave_format(tag: int, bits: int) -> str:
    """The codec of a WAVE format tag, with samples of `bits`; "" where it isn't known."""
    if tag == 1:
        return "pcm_u8" if bits <= 8 else f"pcm_s{-(-bits // 8) * 8}le"
    if tag == 3:
        return "pcm_f64le" if bits > 32 else "pcm_f32le"
    return WAVE_FORMATS.get(tag, "")
