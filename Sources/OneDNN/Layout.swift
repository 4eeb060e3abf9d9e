internal import COneDNN

/// How the numbers of a tensor lie in memory: a `dnnl_memory_desc_t`, whatever that is.
///
/// Axes are named as oneDNN names them; capital letters with a number stand for blocks.
public final class Layout {
  /// An order of axes in memory.
  public enum Format: Hashable, Sendable {
    /// Whatever the implementation likes best.
    case any
    case x, nc
    case oi, io, oihw, hwio, OIhw16i16o, goihw, hwigo, Goihw8g, Goihw16g
    case nchw, nhwc, nChw8c, nChw16c
  }

  /// What the numbers are.
  public enum Scalar: Hashable, Sendable {
    case float32
    /// The upper half of a 32-bit float.
    case bfloat16
  }

  let handle: OpaquePointer

  /// Keeps a copy of a layout that belongs to somebody else.
  init(copying other: OpaquePointer) throws(OneDNNError) {
    var handle: OpaquePointer?
    try check(od_layout_copy(&handle, other), "copying a layout")
    self.handle = try made(handle, "copying a layout")
  }

  /// - Parameter dimensions: in oneDNN's logical order, `[N, C, H, W]` or `[O, I, H, W]`,
  ///   whatever the order in memory.
  public init(
    _ dimensions: [Int], _ format: Format, of scalar: Scalar = .float32
  ) throws(OneDNNError) {
    let extents = dimensions.map(Int64.init)
    var handle: OpaquePointer?
    try check(
      od_layout_make(&handle, Int32(extents.count), extents, scalar.type, format.tag),
      "describing \(dimensions) as \(format)")
    self.handle = try made(handle, "describing \(dimensions) as \(format)")
  }

  deinit { od_layout_free(handle) }

  /// The bytes that such a tensor needs, padding included.
  public var byteCount: Int { od_layout_size(handle) }

  public var scalar: Scalar { od_layout_type(handle) == dnnl_bf16 ? .bfloat16 : .float32 }

  public var dimensions: [Int] {
    let extents = UnsafeBufferPointer(
      start: od_layout_extents(handle), count: Int(od_layout_rank(handle)))
    return extents.map(Int.init)
  }
}

extension Layout: Equatable {
  public static func == (left: Layout, right: Layout) -> Bool {
    left === right || od_layout_equal(left.handle, right.handle) != 0
  }
}

extension Layout.Scalar {
  fileprivate var type: dnnl_data_type_t {
    switch self {
    case .float32: dnnl_f32
    case .bfloat16: dnnl_bf16
    }
  }
}

extension Layout.Format {
  var tag: dnnl_format_tag_t {
    switch self {
    case .any: dnnl_format_tag_any
    case .x: dnnl_x
    case .nc: dnnl_nc
    case .oi: dnnl_oi
    case .io: dnnl_io
    case .oihw: dnnl_oihw
    case .hwio: dnnl_hwio
    case .OIhw16i16o: dnnl_OIhw16i16o
    case .goihw: dnnl_goihw
    case .hwigo: dnnl_hwigo
    case .Goihw8g: dnnl_Goihw8g
    case .Goihw16g: dnnl_Goihw16g
    case .nchw: dnnl_nchw
    case .nhwc: dnnl_nhwc
    case .nChw8c: dnnl_nChw8c
    case .nChw16c: dnnl_nChw16c
    }
  }
}
