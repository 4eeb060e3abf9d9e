import Evidence
import Testing

@Suite struct StandardNormalTests {
  /// `scipy.stats.norm.ppf(p)`, SciPy 1.17.1.
  @Test(arguments: [
    (1e-10, -6.361340902404056), (0.001, -3.090232306167813), (0.02, -2.053748910631823),
    (0.3, -0.5244005127080409), (0.5, 0.0), (0.85, 1.0364333894937898), (0.975, 1.959963984540054),
    (0.9999, 3.719016485455709),
  ]) func quantilesAreThoseOfSciPy(p: Double, expected: Double) {
    #expect(abs(StandardNormal.quantile(p) - expected) < 1e-9)
  }

  /// `scipy.stats.norm.cdf(z)`.
  @Test(arguments: [
    (-8.0, 6.22096057427174e-16), (-1.5, 0.06680720126885807), (0.0, 0.5),
    (0.3, 0.6179114221889526), (2.5, 0.9937903346742238),
  ]) func probabilitiesAreThoseOfSciPy(z: Double, expected: Double) {
    #expect(abs(StandardNormal.cumulative(z) - expected) < 1e-15)
  }
}
