internal import ModelCore
internal import OneDNN

/// How one activation lies in memory: `[samples][blocks][height * width][lanes]`.
///
/// Channel `c` is in block `c / lanes`, lane `c % lanes`; lanes past the last channel hold zeros.
/// A vector is an image of one pixel with all its elements in one block. Interleaved images are
/// `[samples / 16][channels][height * width][16 samples]` instead.
struct Form: Hashable {
  var channels: Int
  var height: Int
  var width: Int
  var lanes: Int
  /// Whether the lanes are samples.
  var isInterleaved = false

  /// The lanes that the processor's convolutions like best.
  static let preferredLanes = Processor.hasAVX512 ? 16 : 8

  static func vector(_ count: Int) -> Form {
    Form(channels: count, height: 1, width: 1, lanes: max(1, count))
  }

  /// Blocks of channels, as convolutions want them.
  static func blocked(channels: Int, height: Int, width: Int) -> Form {
    Form(channels: channels, height: height, width: width, lanes: preferredLanes)
  }

  /// One plane for each channel, which a first convolution reads.
  var planar: Form { with(lanes: 1) }
  /// All channels of a pixel together, as files have them.
  var channelsLast: Form { with(lanes: max(1, channels)) }
  var blocked: Form { with(lanes: Self.preferredLanes) }
  /// 16 samples together, for images whose channels would leave most of a block empty.
  var interleaved: Form {
    Form(channels: channels, height: height, width: width, lanes: 16, isInterleaved: true)
  }

  var blocks: Int { isInterleaved ? channels : (channels + lanes - 1) / lanes }
  var pixels: Int { height * width }
  /// Channels with the unused lanes of the last block.
  var paddedChannels: Int { isInterleaved ? channels : blocks * lanes }
  var hasPadding: Bool { paddedChannels != channels }
  var isVector: Bool { !isInterleaved && height == 1 && width == 1 && lanes == channels }
  /// What one sample takes up.
  var elementCount: Int { paddedChannels * pixels }

  /// What `samples` samples take up; interleaved ones come in groups.
  func elementCount(samples: Int) -> Int {
    isInterleaved ? planes(samples: samples) * pixels * lanes : samples * elementCount
  }

  /// How many arrays `[height * width][lanes]` there are.
  func planes(samples: Int) -> Int {
    isInterleaved ? groups(samples: samples) * channels : samples * blocks
  }

  /// How many groups of interleaved samples there are.
  func groups(samples: Int) -> Int { (samples + lanes - 1) / lanes }

  /// Whether both keep the same numbers at the same places.
  func isSameMemory(as other: Form) -> Bool {
    guard channels == other.channels, height == other.height, width == other.width,
      isInterleaved == other.isInterleaved
    else { return false }
    if isInterleaved || lanes == other.lanes { return true }
    // Without padding, one pixel or one channel lies the same way in any blocks.
    return !hasPadding && !other.hasPadding && (pixels == 1 || channels == 1)
  }

  /// The same memory in blocks, where it is: oneDNN is fast in those, and slow where all channels of
  /// a single pixel are one block.
  var inBlocks: Form { lanes > 1 && isSameMemory(as: blocked) ? blocked : self }

  /// Where the element that Keras counts as number `index` of a flattened sample lies; not for
  /// interleaved samples.
  func position(ofFlattened index: Int) -> Int {
    let (pixel, channel) = (index / channels, index % channels)
    return (channel / lanes * pixels + pixel) * lanes + channel % lanes
  }

  /// oneDNN's description for `samples` samples; padding counts as channels.
  func layout(
    samples: Int, of scalar: Layout.Scalar = .float32
  ) throws(OneDNNError) -> Layout {
    let format: Layout.Format =
      switch lanes {
      case 16: .nChw16c
      case 8: .nChw8c
      case 1: .nchw
      default: .nhwc
      }
    return try Layout([samples, paddedChannels, height, width], format, of: scalar)
  }

  private func with(lanes: Int) -> Form {
    Form(channels: channels, height: height, width: width, lanes: lanes)
  }
}
