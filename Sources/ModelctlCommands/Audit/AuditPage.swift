internal import Auditing
internal import Evidence
internal import Foundation

/// An audit as one page that needs nothing else: the text, histograms of margins and ROC curves.
struct AuditPage {
  let text: String

  init(_ result: AuditResult, _ pictures: AuditPictures) {
    let verdict = result.report.verdict
    let range = Self.range(pictures.margins)
    let histograms = pictures.margins.map { Histogram($0, range: range).svg }.joined(
      separator: "\n")
    text = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Audit: \(Self.escaped(verdict.outcome.rawValue))</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      <h1 class="\(verdict.outcome.rawValue)">\(Self.escaped(verdict.outcome.rawValue))</h1>
      <p class="sentence">\(Self.escaped(verdict.sentence))</p>
      <p>\(Self.escaped(result.original.unquoted)) → \(Self.escaped(result.unlearned.unquoted))</p>
      <h2>How sure the models are of the true label</h2>
      <p>Margins of <span class="forget">forgotten records</span> and of
      <span class="strangers">strangers</span>. Where the records are forgotten the two look alike.</p>
      <div class="row">\(histograms)</div>
      <h2>What an attack achieves</h2>
      <p>Records found against strangers accused, at every threshold; the diagonal is guessing.</p>
      <div class="row">\(CurvePicture(pictures.curves).svg)</div>
      <h2>All numbers</h2>
      <pre>\(Self.escaped(result.description))</pre>
      </body>
      </html>

      """
  }

  private static func range(_ margins: [AuditPictures.Margins]) -> ClosedRange<Double> {
    let all = margins.flatMap { $0.forget + $0.strangers }
    guard let distribution = EmpiricalDistribution(all) else { return -1...1 }
    // A few margins far out would leave the rest one bar.
    let (low, high) = (distribution.quantile(0.005), distribution.quantile(0.995))
    return high > low ? low...high : (low - 1)...(low + 1)
  }

  static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
  }

  private static let style = """

    body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; \
    color: #1a1a1a; background: #fff; }
    h1 { margin-bottom: 0; color: #a3220f; }
    h1.forgotten { color: #12672f; } h1.cannot-tell { color: #8a5a00; }
    h2 { font-size: 1.15rem; margin: 2rem 0 0; }
    .sentence { font-size: 1.1rem; }
    .row { display: flex; flex-wrap: wrap; gap: 1.5rem; }
    .forget { color: #b3450a; font-weight: 600; } .strangers { color: #1f5fa8; font-weight: 600; }
    pre { overflow-x: auto; white-space: pre-wrap; background: #f6f6f4; padding: 1rem; font-size: 13px; line-height: 1.4; }
    svg text { font: 12px system-ui, sans-serif; fill: #444; }
    svg .title { font-weight: 600; font-size: 13px; fill: #1a1a1a; }

    """
}

/// Two shares of margins in bars over one range, the forgotten records' before the strangers'.
private struct Histogram {
  let svg: String
  private static let (width, height, count) = (300.0, 170.0, 30)

  init(_ margins: AuditPictures.Margins, range: ClosedRange<Double>) {
    let forget = Self.shares(margins.forget, range)
    let strangers = Self.shares(margins.strangers, range)
    let peak = max(forget.max() ?? 0, strangers.max() ?? 0, 0.01)
    func bars(_ shares: [Double], _ colour: String) -> String {
      shares.indices.filter { shares[$0] > 0 }.map { index in
        let width = Self.width / Double(Self.count)
        let height = shares[index] / peak * Self.height
        return "<rect x=\"\(Self.number(Double(index) * width))\" "
          + "y=\"\(Self.number(Self.height - height))\" width=\"\(Self.number(width))\" "
          + "height=\"\(Self.number(height))\" fill=\"\(colour)\" fill-opacity=\"0.5\"/>"
      }.joined()
    }
    let name = AuditPage.escaped(margins.model)
    let ends = [range.lowerBound, 0, range.upperBound].filter { range.contains($0) }
    let ticks = Set(ends).sorted().map { value in
      let x = (value - range.lowerBound) / (range.upperBound - range.lowerBound) * Self.width
      let anchor = x < 20 ? "start" : x > Self.width - 20 ? "end" : "middle"
      return "<text x=\"\(Self.number(x))\" y=\"\(Self.number(Self.height + 15))\" "
        + "text-anchor=\"\(anchor)\">\(String(format: "%.0f", value))</text>"
    }.joined()
    svg = """
      <svg width="300" height="220" viewBox="0 -26 300 220" role="img" \
      aria-label="Margins under the model \(name)"><text class="title" x="0" y="-10">\(name)</text>\
      \(bars(strangers, "#1f5fa8"))\(bars(forget, "#d9641e"))\
      <line x1="0" y1="170" x2="300" y2="170" stroke="#444"/>\(ticks)\
      </svg>
      """
  }

  private static func shares(_ margins: [Double], _ range: ClosedRange<Double>) -> [Double] {
    var counts = [Double](repeating: 0, count: count)
    let width = (range.upperBound - range.lowerBound) / Double(count)
    for margin in margins {
      // Beyond the ends counts at the ends.
      let place = ((margin - range.lowerBound) / width).rounded(.down)
      counts[Int(min(max(place, 0), Double(count - 1)))] += 1
    }
    return counts.map { $0 / Double(max(1, margins.count)) }
  }

  static func number(_ value: Double) -> String { String(format: "%.1f", value) }
}

/// ROC curves in one square.
private struct CurvePicture {
  let svg: String
  private static let colours = ["#a3220f", "#d9641e", "#12672f", "#1f5fa8"]
  private static let size = 300.0

  init(_ curves: [(name: String, curve: OperatingCurve)]) {
    let size = Self.size
    let lines = zip(curves, Self.colours).map { item, colour in
      let points = Self.thinned(item.curve.points).map { point in
        Histogram.number(point.falsePositiveRate * size) + ","
          + Histogram.number(size - point.truePositiveRate * size)
      }
      return "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\" "
        + "points=\"\(points.joined(separator: " "))\"/>"
    }
    let legend = zip(curves.indices, zip(curves, Self.colours)).map { index, item in
      let y = Histogram.number(20 + 20 * Double(index))
      let area = AuditResult.decimal(item.0.curve.area)
      return "<rect x=\"325\" y=\"\(y)\" width=\"12\" height=\"4\" fill=\"\(item.1)\"/>"
        + "<text x=\"343\" y=\"\(Histogram.number(26 + 20 * Double(index)))\">"
        + "\(AuditPage.escaped(item.0.name)): AUC \(area)</text>"
    }
    svg = """
      <svg width="600" height="345" viewBox="-25 -5 600 345" role="img" aria-label="ROC curves">\
      <rect x="0" y="0" width="300" height="300" fill="none" stroke="#444"/>\
      <line x1="0" y1="300" x2="300" y2="0" stroke="#bbb" stroke-dasharray="4 4"/>\
      \(lines.joined())\(legend.joined())\
      <text x="150" y="318" text-anchor="middle">strangers accused</text>\
      <text x="-10" y="150" text-anchor="middle" transform="rotate(-90 -10 150)">records found</text>\
      </svg>
      """
  }

  /// A few hundred points draw the same line as thousands.
  private static func thinned(_ points: [OperatingCurve.Point]) -> [OperatingCurve.Point] {
    let step = max(1, points.count / 400)
    return points.indices.filter { $0 % step == 0 || $0 == points.count - 1 }.map { points[$0] }
  }
}
